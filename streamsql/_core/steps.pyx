"""The loop of the executor: one visit per node and step. It is compiled because it runs for every batch."""

from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from streamsql._core.operator import MAX_WATERMARK as _MAX_WATERMARK, MIN_WATERMARK as _MIN_WATERMARK

cdef int64_t _MIN = _MIN_WATERMARK
cdef int64_t _MAX = _MAX_WATERMARK


cdef inline int64_t _now_ns() noexcept nogil:
    cdef timespec moment
    clock_gettime(CLOCK_MONOTONIC, &moment)
    return <int64_t> moment.tv_sec * 1_000_000_000 + moment.tv_nsec


cdef class Slot:
    """One node while it runs: its operator, the rows that wait for it, its watermark, and who reads it.

    `combiner` joins the watermarks of several inputs, None with one. `origin` labels the rows that fail here.
    `collected` takes what the node emits, None when nobody wants it. The time spent is in `elapsed_ns`.
    """

    def __init__(self, object graph_node, Operator operator, object origin, object combiner, bint collects):
        self.graph_node = graph_node
        self.operator = operator
        self.origin = origin
        self.combiner = combiner
        self.watermark_us = _MIN
        self.forwarded_us = _MIN
        self.collected = [] if collects else None
        self.consumers = []
        self.consumer_ports = []
        self.ports = []
        self.batches = []
        self.moved = []
        self.out = Output()

    def connect(self, Slot consumer, int port):
        """Let `consumer` read this node on its input `port`."""
        self.consumers.append(consumer)
        self.consumer_ports.append(port)

    cpdef int advance(self, int port, int64_t watermark_us) except -1:
        """Note the watermark of one input; the operator learns it when the step visits the node, after its rows."""
        if self.combiner is None:
            if watermark_us > self.watermark_us:
                self.watermark_us = watermark_us
                self.is_dirty = True
        elif self.combiner.update(port, watermark_us):
            self.watermark_us = self.combiner.combined
            self.moved.append((port, watermark_us))
            self.is_dirty = True
        return 0

    def restore(self, list ports, int64_t forwarded_us):
        """Put back the watermarks of the inputs and the one forwarded."""
        cdef int port
        for port in range(len(ports)):
            self.advance(port, ports[port])
        self.moved.clear()
        self.is_dirty = False
        self.forwarded_us = forwarded_us

    cdef int visit(self, list failures) except -1:
        """Give the operator its rows, then its watermark; hand on what it emits and forwards."""
        cdef int64_t forward = self.forwarded_us
        cdef Py_ssize_t index, number
        cdef list batches
        cdef Slot consumer
        if self.batches:
            for index in range(len(self.batches)):
                self.operator.process(self.ports[index], <ChangeBatch> self.batches[index], self.out)
            self.batches = []
            self.ports = []
        if self.is_dirty:
            self.is_dirty = False
            if self.moved:
                for port, watermark_us in self.moved:
                    self.operator.port_watermark(port, watermark_us)
                self.moved = []
            if self.watermark_us == _MAX:
                self.operator.end_of_input(self.out)
                forward = _MAX
            else:
                forward = self.operator.on_watermark(self.watermark_us, self.out)
        if self.out.failures:
            for failure in self.out.take_failures():
                failures.append((self.origin, failure))
        if self.out.batches:
            batches = self.out.take_batches()
            for number in range(len(self.consumers)):
                consumer = <Slot> self.consumers[number]
                for batch in batches:
                    consumer.batches.append(batch)
                    consumer.ports.append(self.consumer_ports[number])
            if self.collected is not None:
                self.collected.extend(batches)
        if forward > self.forwarded_us:
            self.forwarded_us = forward
            for number in range(len(self.consumers)):
                (<Slot> self.consumers[number]).advance(self.consumer_ports[number], forward)
        return 0


cdef class StepLoop:
    """Visits slots in order. `current` is the one being visited: after an error, the one that raised it."""

    def __init__(self):
        self.failures = []

    cpdef int push(self, Slot source, list slots, ChangeBatch batch, int64_t watermark_us) except -1:
        """One step over the rows of one source and its new watermark; `slots` are those it can reach."""
        if batch.num_rows:
            source.batches.append(batch)
            source.ports.append(0)
        source.advance(0, watermark_us)
        return self.run(slots)

    cpdef int run(self, list slots) except -1:
        """One step: visit every slot that has rows or a new watermark."""
        cdef Slot slot
        cdef int64_t started = _now_ns()
        cdef int64_t now
        for slot in slots:
            if slot.is_dirty or slot.batches:
                self.current = slot
                slot.visit(self.failures)
                now = _now_ns()
                slot.elapsed_ns += now - started
                started = now
        return 0

    def take_failures(self):
        """The failed rows since the last call, as (origin, failure) pairs."""
        failures = self.failures
        if failures:
            self.failures = []
        return failures
