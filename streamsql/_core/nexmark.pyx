"""Columns of the Nexmark auction benchmark, profile D: every value is a pure function of (seed, event number, slot).

So any rows of any kind can be generated alone, in any order and any columns, with integer arithmetic only and the
same bits everywhere. Fifty events make an epoch: one person, three auctions, 46 bids; a row number of one kind and an
event number follow from each other. `draw(e, k)` is the random number of slot k of event e; the slots are those of the
profile's table.
"""

from decimal import Decimal, localcontext

from libc.limits cimport INT_MAX
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdio cimport snprintf
from libc.string cimport memcpy, strlen

from streamsql._core.arrow_c cimport allocate, buffer_address, bytes_array, fixed_width_array

import pyarrow as pa

cdef enum:
    EPOCH = 50                      # events: 1 person, 3 auctions, 46 bids, in this order
    AUCTIONS = 3
    FIRST_BID = 4                   # offset in the epoch
    BIDS = 46
    FIRST_ID = 1000                 # of persons and of auctions
    FIRST_CATEGORY = 10
    CATEGORIES = 5
    HOT_GROUP = 100                 # the hot auction and the hot people change once in so many
    IN_FLIGHT = 100
    ACTIVE_PEOPLE = 1000
    ID_LEAD = 10                    # ids may run ahead of what exists by this much
    OPEN_SPAN = 1666                # events in which IN_FLIGHT auctions open
    POOL_BITS = 20
    CHANNELS = 10_000               # numbered ones; the four hot ones come behind them in the tables
    PRICES = 65_536
    MAX_URL = 96
    MAX_CHANNEL = 16

cdef enum:                          # the text pools
    LETTERS = 0
    TEXT = 1
    URL = 2


cdef struct Url:
    uint8_t length
    char text[MAX_URL - 1]


cdef struct Settings:
    uint64_t seed                   # already mixed
    uint64_t rate                   # events in a second of event time
    int64_t base_ms
    const Url* urls                 # of the numbered channels, then of the hot ones; NULL when no column needs them

ctypedef int64_t (*Number)(uint64_t event, const Settings* settings) noexcept nogil
ctypedef int64_t (*Writer)(char* out, uint64_t event, const Settings* settings) noexcept nogil


cdef bint _is_ready = False
cdef char _pools[3][(1 << POOL_BITS) + 1024]
cdef int64_t _prices[PRICES]
cdef char _channels[CHANNELS + 4][MAX_CHANNEL]
cdef uint8_t _channel_lengths[CHANNELS + 4]

cdef const char** _FIRST_NAMES = [
    "Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter",
]
cdef const char** _LAST_NAMES = [
    "Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris",
]
cdef const char** _CITIES = [
    "Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent", "Cheyenne",
]
cdef const char** _STATES = ["AZ", "CA", "ID", "OR", "WA", "WY"]
cdef const char** _HOT_CHANNELS = ["Google", "Facebook", "Baidu", "Apple"]


# ---------------------------------------------------------------------------------------------- random numbers

cdef inline uint64_t _mix(uint64_t x) noexcept nogil:
    x += <uint64_t> 0x9E3779B97F4A7C15u
    x = (x ^ (x >> 30)) * <uint64_t> 0xBF58476D1CE4E5B9u
    x = (x ^ (x >> 27)) * <uint64_t> 0x94D049BB133111EBu
    return x ^ (x >> 31)


cdef inline uint64_t _draw(const Settings* settings, uint64_t event, uint64_t slot) noexcept nogil:
    return _mix(settings.seed ^ _mix(64 * event + slot))


cdef inline uint64_t _below(const Settings* settings, uint64_t event, uint64_t slot, uint64_t n) noexcept nogil:
    return _draw(settings, event, slot) % n


def mix(uint64_t x):
    """The mixing function of the profile."""
    return _mix(x)


def draw(uint64_t seed, uint64_t event, uint64_t slot):
    """The random number of one slot of one event."""
    cdef Settings settings
    settings.seed = _mix(seed)
    return _draw(&settings, event, slot)


# ---------------------------------------------------------------------------------------------- tables

cdef int _prepare() except -1:
    """Build the tables once per process."""
    global _is_ready
    if _is_ready:
        return 0
    _fill_pools()
    _fill_prices()
    _fill_channels()
    _is_ready = True
    return 0


cdef void _fill_pools() noexcept:
    cdef Py_ssize_t pool, i
    cdef uint64_t value
    cdef char special
    for pool in range(3):
        special = b"_" if pool == URL else b" "
        for i in range(1 << POOL_BITS):
            value = _mix((<uint64_t> (pool + 1) << 32) + <uint64_t> i)
            if pool != LETTERS and value % 13 == 0:
                _pools[pool][i] = special
            else:
                _pools[pool][i] = <char> (97 + (value // 13) % 26)


cdef int _fill_prices() except -1:
    """PRICE[i] = floor(100 * 10^(6i/65536) + 1/2), by repeated multiplication with far more digits than needed."""
    cdef int64_t i
    with localcontext() as context:
        context.prec = 60
        ratio = Decimal(10) ** (Decimal(6) / PRICES)
        half = Decimal("0.5")
        price = Decimal(100)
        for i in range(PRICES):
            _prices[i] = int(price + half)
            price *= ratio
    return 0


cdef void _fill_channels() noexcept nogil:
    cdef Py_ssize_t number, hot
    for number in range(CHANNELS):
        _channel_lengths[number] = <uint8_t> snprintf(_channels[number], MAX_CHANNEL, "channel-%d", <int> number)
    for hot in range(4):
        _channel_lengths[CHANNELS + hot] = <uint8_t> strlen(_HOT_CHANNELS[hot])
        memcpy(_channels[CHANNELS + hot], _HOT_CHANNELS[hot], _channel_lengths[CHANNELS + hot])


cdef class _UrlTable:
    """The 10,004 URLs of one seed."""

    cdef uint64_t seed
    cdef Url urls[CHANNELS + 4]


cdef _UrlTable _last_urls = None


cdef _UrlTable _url_table(const Settings* settings):
    """The URLs of the settings' seed. The last table is kept; who uses one keeps it alive."""
    global _last_urls
    if _last_urls is not None and _last_urls.seed == settings.seed:
        return _last_urls
    cdef _UrlTable table = _UrlTable.__new__(_UrlTable)
    cdef Py_ssize_t number, hot
    cdef uint64_t event
    table.seed = settings.seed
    for number in range(CHANNELS):
        event = <uint64_t> number
        _fill_url(&table.urls[number], event, _below(settings, event, 10, 10) > 0, settings)
    for hot in range(4):
        _fill_url(&table.urls[CHANNELS + hot], <uint64_t> (-1 - hot), False, settings)
    _last_urls = table
    return table


cdef void _fill_url(Url* url, uint64_t event, bint has_id, const Settings* settings) noexcept nogil:
    cdef char* out = url.text
    cdef int64_t used = _put(out, "https://www.nexmark.com/")
    cdef int32_t word
    for word in range(3):
        used += _word(out + used, URL, event, <uint64_t> (2 * word), 5, settings)
        used += _put(out + used, "/")
    used += _put(out + used, "item.htm?query=1")
    if has_id:
        used += snprintf(out + used, MAX_URL - 1 - used, "&channel_id=%lld", <long long> _channel_id(<uint32_t> event))
    url.length = <uint8_t> used


cdef int64_t _channel_id(uint32_t number) noexcept nogil:
    """The number with its 32 bits reversed, read as a signed integer, without its sign."""
    cdef uint32_t reversed_bits = 0
    cdef int32_t bit
    for bit in range(32):
        reversed_bits |= ((number >> bit) & 1) << (31 - bit)
    cdef int64_t value = <int64_t> <int32_t> reversed_bits
    return -value if value < 0 else value


def price_table():
    """The 65,536 prices in cents, as an int64 array."""
    _prepare()
    values = allocate(8 * PRICES)
    memcpy(buffer_address(values), _prices, 8 * PRICES)
    return fixed_width_array(pa.int64(), values, None, PRICES, 0)


def pool_beginning(int pool, int length):
    """The first characters of text pool 1, 2 or 3."""
    _prepare()
    return _pools[pool - 1][:length].decode("ascii")


# ---------------------------------------------------------------------------------------------- texts

cdef inline int64_t _put(char* out, const char* text) noexcept nogil:
    cdef size_t length = strlen(text)
    memcpy(out, text, length)
    return <int64_t> length


cdef inline int64_t _take(
    char* out, Py_ssize_t pool, uint64_t event, uint64_t slot, int64_t length, const Settings* settings
) noexcept nogil:
    # SAFETY: positions are below 2^19 and lengths below 2^19, so the pool of 2^20 characters is never left.
    memcpy(out, &_pools[pool][_below(settings, event, slot, 1 << (POOL_BITS - 1))], length)
    return length


cdef inline int64_t _word(
    char* out, Py_ssize_t pool, uint64_t event, uint64_t slot, uint64_t longest, const Settings* settings
) noexcept nogil:
    """A word of 3 to longest - 1 characters, blanks trimmed at both ends (so perhaps shorter)."""
    cdef int64_t length = 3 + <int64_t> _below(settings, event, slot, longest - 3)
    cdef const char* text = &_pools[pool][_below(settings, event, slot + 1, 1 << (POOL_BITS - 1))]
    while length and text[0] == 32:
        text += 1
        length -= 1
    while length and text[length - 1] == 32:
        length -= 1
    memcpy(out, text, length)
    return length


cdef inline int64_t _word_length(
    Py_ssize_t pool, uint64_t event, uint64_t slot, uint64_t longest, const Settings* settings
) noexcept nogil:
    cdef char scratch[128]
    return _word(scratch, pool, event, slot, longest, settings)


cdef inline int64_t _extra(
    char* out, uint64_t event, uint64_t slot, int64_t counted, int64_t average, const Settings* settings
) noexcept nogil:
    """Letters that fill a row of `counted` bytes up to about `average`."""
    if counted > average:
        return 0
    cdef int64_t missing = average - counted
    cdef int64_t spread = (2 * missing + 5) // 10
    cdef int64_t length = missing
    if spread:
        length = missing - spread + <int64_t> _below(settings, event, slot, 2 * spread)
    return _take(out, LETTERS, event, slot + 1, length, settings)


# ---------------------------------------------------------------------------------------------- numbers

cdef inline int64_t _time_ms(uint64_t event, const Settings* settings) noexcept nogil:
    return settings.base_ms + <int64_t> (event * 1_000_000 // settings.rate // 1000)


cdef inline int64_t _last_person(uint64_t event) noexcept nogil:
    return <int64_t> (event // EPOCH)


cdef inline int64_t _last_auction(uint64_t event) noexcept nogil:
    cdef int64_t epoch = <int64_t> (event // EPOCH)
    cdef int64_t offset = <int64_t> (event % EPOCH)
    if offset < 1:
        return (epoch - 1) * AUCTIONS + AUCTIONS - 1
    if offset >= FIRST_BID:
        return epoch * AUCTIONS + AUCTIONS - 1
    return epoch * AUCTIONS + offset - 1


cdef inline int64_t _any_person(uint64_t event, uint64_t slot, const Settings* settings) noexcept nogil:
    cdef int64_t people = _last_person(event) + 1
    cdef int64_t active = people if people < ACTIVE_PEOPLE else <int64_t> ACTIVE_PEOPLE
    return people - active + <int64_t> _below(settings, event, slot, active + ID_LEAD)


cdef inline int64_t _any_auction(uint64_t event, uint64_t slot, const Settings* settings) noexcept nogil:
    cdef int64_t last = _last_auction(event)
    cdef int64_t lowest = last - IN_FLIGHT if last > IN_FLIGHT else 0
    return lowest + <int64_t> _below(settings, event, slot, last - lowest + 1 + ID_LEAD)


cdef inline int64_t _price(uint64_t event, uint64_t slot, const Settings* settings) noexcept nogil:
    return _prices[_draw(settings, event, slot) % PRICES]


cdef int64_t _rowtime(uint64_t event, const Settings* settings) noexcept nogil:
    return _time_ms(event, settings) * 1000


cdef int64_t _date_time(uint64_t event, const Settings* settings) noexcept nogil:
    return _time_ms(event, settings)


cdef int64_t _person_id(uint64_t event, const Settings* settings) noexcept nogil:
    return FIRST_ID + _last_person(event)


cdef int64_t _auction_id(uint64_t event, const Settings* settings) noexcept nogil:
    return FIRST_ID + _last_auction(event)


cdef int64_t _auction_initial_bid(uint64_t event, const Settings* settings) noexcept nogil:
    return _price(event, 3, settings)


cdef int64_t _auction_reserve(uint64_t event, const Settings* settings) noexcept nogil:
    return _price(event, 3, settings) + _price(event, 9, settings)


cdef int64_t _auction_expires(uint64_t event, const Settings* settings) noexcept nogil:
    cdef int64_t opens = _time_ms(event, settings)
    cdef int64_t longest = 2 * (_time_ms(event + OPEN_SPAN, settings) - opens)
    return opens + 1 + <int64_t> _below(settings, event, 4, longest if longest > 1 else 1)


cdef int64_t _auction_seller(uint64_t event, const Settings* settings) noexcept nogil:
    if _below(settings, event, 0, 4) > 0:
        return FIRST_ID + _last_person(event) // HOT_GROUP * HOT_GROUP
    return FIRST_ID + _any_person(event, 1, settings)


cdef int64_t _auction_category(uint64_t event, const Settings* settings) noexcept nogil:
    return FIRST_CATEGORY + <int64_t> _below(settings, event, 2, CATEGORIES)


cdef int64_t _bid_auction(uint64_t event, const Settings* settings) noexcept nogil:
    if _below(settings, event, 0, 2) > 0:
        return FIRST_ID + _last_auction(event) // HOT_GROUP * HOT_GROUP
    return FIRST_ID + _any_auction(event, 1, settings)


cdef int64_t _bid_bidder(uint64_t event, const Settings* settings) noexcept nogil:
    if _below(settings, event, 2, 4) > 0:
        return FIRST_ID + _last_person(event) // HOT_GROUP * HOT_GROUP + 1
    return FIRST_ID + _any_person(event, 3, settings)


cdef int64_t _bid_price(uint64_t event, const Settings* settings) noexcept nogil:
    return _price(event, 4, settings)


# ---------------------------------------------------------------------------------------------- texts of each kind

cdef int64_t _person_name(char* out, uint64_t event, const Settings* settings) noexcept nogil:
    cdef int64_t used = _put(out, _FIRST_NAMES[_below(settings, event, 0, 11)])
    used += _put(out + used, " ")
    return used + _put(out + used, _LAST_NAMES[_below(settings, event, 1, 9)])


cdef int64_t _person_email(char* out, uint64_t event, const Settings* settings) noexcept nogil:
    cdef int64_t used = _word(out, TEXT, event, 2, 7, settings)
    used += _put(out + used, "@")
    used += _word(out + used, TEXT, event, 4, 5, settings)
    return used + _put(out + used, ".com")


cdef int64_t _person_card(char* out, uint64_t event, const Settings* settings) noexcept nogil:
    cdef int32_t group, digit
    cdef uint64_t value
    for group in range(4):
        value = _below(settings, event, 6 + group, 10_000)
        for digit in range(3, -1, -1):
            out[5 * group + digit] = <char> (48 + value % 10)
            value //= 10
        if group:
            out[5 * group - 1] = 32
    return 19


cdef int64_t _person_city(char* out, uint64_t event, const Settings* settings) noexcept nogil:
    return _put(out, _CITIES[_below(settings, event, 10, 10)])


cdef int64_t _person_state(char* out, uint64_t event, const Settings* settings) noexcept nogil:
    return _put(out, _STATES[_below(settings, event, 11, 6)])


cdef int64_t _person_extra(char* out, uint64_t event, const Settings* settings) noexcept nogil:
    cdef char scratch[64]
    cdef int64_t counted = 8 + 19 + 2
    counted += _person_name(scratch, event, settings)
    counted += _person_email(scratch, event, settings)
    counted += _person_city(scratch, event, settings)
    return _extra(out, event, 12, counted, 200, settings)


cdef int64_t _auction_item(char* out, uint64_t event, const Settings* settings) noexcept nogil:
    return _word(out, TEXT, event, 5, 20, settings)


cdef int64_t _auction_description(char* out, uint64_t event, const Settings* settings) noexcept nogil:
    return _word(out, TEXT, event, 7, 100, settings)


cdef int64_t _auction_extra(char* out, uint64_t event, const Settings* settings) noexcept nogil:
    cdef int64_t counted = 8 + 40
    counted += _word_length(TEXT, event, 5, 20, settings)
    counted += _word_length(TEXT, event, 7, 100, settings)
    return _extra(out, event, 10, counted, 500, settings)


cdef inline uint64_t _bid_channel_place(uint64_t event, const Settings* settings) noexcept nogil:
    if _below(settings, event, 5, 2) > 0:
        return CHANNELS + _below(settings, event, 6, 4)
    return _below(settings, event, 7, CHANNELS)


cdef int64_t _bid_channel(char* out, uint64_t event, const Settings* settings) noexcept nogil:
    cdef uint64_t place = _bid_channel_place(event, settings)
    memcpy(out, _channels[place], _channel_lengths[place])
    return _channel_lengths[place]


cdef int64_t _bid_url(char* out, uint64_t event, const Settings* settings) noexcept nogil:
    cdef uint64_t place = _bid_channel_place(event, settings)
    memcpy(out, settings.urls[place].text, settings.urls[place].length)
    return settings.urls[place].length


cdef int64_t _bid_extra(char* out, uint64_t event, const Settings* settings) noexcept nogil:
    return _extra(out, event, 8, 32, 100, settings)


# ---------------------------------------------------------------------------------------------- columns

cdef Number _number_column(str kind, str name) noexcept:
    if name == "ROWTIME":
        return _rowtime
    if name == "dateTime":
        return _date_time
    if kind == "person" and name == "id":
        return _person_id
    if kind == "auction":
        if name == "id":
            return _auction_id
        if name == "initialBid":
            return _auction_initial_bid
        if name == "reserve":
            return _auction_reserve
        if name == "expires":
            return _auction_expires
        if name == "seller":
            return _auction_seller
        if name == "category":
            return _auction_category
    if kind == "bid":
        if name == "auction":
            return _bid_auction
        if name == "bidder":
            return _bid_bidder
        if name == "price":
            return _bid_price
    return NULL


cdef Writer _text_column(str kind, str name, int64_t* longest) noexcept:
    """What writes the column, and the most bytes a value can have."""
    if kind == "person":
        if name == "name":
            longest[0] = 14
            return _person_name
        if name == "emailAddress":
            longest[0] = 15
            return _person_email
        if name == "creditCard":
            longest[0] = 19
            return _person_card
        if name == "city":
            longest[0] = 13
            return _person_city
        if name == "state":
            longest[0] = 2
            return _person_state
        if name == "extra":
            longest[0] = 240
            return _person_extra
    if kind == "auction":
        if name == "itemName":
            longest[0] = 19
            return _auction_item
        if name == "description":
            longest[0] = 99
            return _auction_description
        if name == "extra":
            longest[0] = 600
            return _auction_extra
    if kind == "bid":
        if name == "channel":
            longest[0] = MAX_CHANNEL
            return _bid_channel
        if name == "url":
            longest[0] = MAX_URL
            return _bid_url
        if name == "extra":
            longest[0] = 82
            return _bid_extra
    return NULL


cdef struct Shape:
    uint64_t first                  # offset of the kind's first event in an epoch
    uint64_t count                  # events of the kind in an epoch


cdef Shape _shape(str kind) except *:
    cdef Shape shape
    if kind == "person":
        shape.first = 0
        shape.count = 1
    elif kind == "auction":
        shape.first = 1
        shape.count = AUCTIONS
    elif kind == "bid":
        shape.first = FIRST_BID
        shape.count = BIDS
    else:
        raise ValueError(f"a Nexmark event is a person, an auction or a bid, not {kind!r}")
    return shape


cdef inline uint64_t _event_of(uint64_t row, Shape shape) noexcept nogil:
    return row // shape.count * EPOCH + shape.first + row % shape.count


def rows_before(str kind, uint64_t event):
    """How many events of `kind` have a number below `event`: the row number of the first one that has not."""
    cdef Shape shape = _shape(kind)
    cdef uint64_t offset = event % EPOCH
    cdef uint64_t begun = offset - shape.first if offset > shape.first else 0
    return event // EPOCH * shape.count + (begun if begun < shape.count else shape.count)


def generate(
    str kind,
    columns,
    uint64_t first_row,
    int64_t rows,
    *,
    uint64_t seed,
    uint64_t rate,
    int64_t base_ms,
):
    """Arrow arrays of `rows` values, one per name in `columns`, for the rows of `kind` from number `first_row` on.

    ROWTIME is timestamp[us]; dateTime and expires timestamp[ms]; the other numbers int64; texts utf8. Nothing is null.
    Raises ValueError for an unknown kind or column, and for more rows than one text column can hold (2 GiB).
    """
    cdef Shape shape = _shape(kind)
    cdef Settings settings
    cdef Number number
    cdef Writer writer
    cdef int64_t longest = 0
    if rate == 0:
        raise ValueError("rate must be positive")
    settings.seed = _mix(seed)
    settings.rate = rate
    settings.base_ms = base_ms
    settings.urls = NULL
    cdef _UrlTable urls                 # keeps what settings.urls points to
    _prepare()
    arrays = []
    for name in columns:
        number = _number_column(kind, name)
        if number != NULL:
            arrays.append(_numbers(name, number, first_row, rows, shape, &settings))
            continue
        writer = _text_column(kind, name, &longest)
        if writer == NULL:
            raise ValueError(f"a Nexmark {kind} has no column {name!r}")
        if rows * longest > INT_MAX:
            raise ValueError(f"{rows} rows of {name!r} are too many for one array; ask for fewer at a time")
        if writer == _bid_url:
            urls = _url_table(&settings)
            settings.urls = urls.urls
        arrays.append(_texts(writer, longest, first_row, rows, shape, &settings))
    return arrays


cdef object _numbers(
    str name, Number number, uint64_t first_row, int64_t rows, Shape shape, const Settings* settings
):
    values = allocate(8 * rows)
    cdef int64_t* out = <int64_t*> buffer_address(values)
    cdef int64_t row
    with nogil:
        for row in range(rows):
            out[row] = number(_event_of(first_row + <uint64_t> row, shape), settings)
    if name == "ROWTIME":
        arrow_type = pa.timestamp("us")
    elif name == "dateTime" or name == "expires":
        arrow_type = pa.timestamp("ms")
    else:
        arrow_type = pa.int64()
    return fixed_width_array(arrow_type, values, None, rows, 0)


cdef object _texts(
    Writer writer, int64_t longest, uint64_t first_row, int64_t rows, Shape shape, const Settings* settings
):
    offsets = allocate(4 * (rows + 1))
    # Allocated for the longest values and then cut to what was used: one pass instead of two.
    data = pa.allocate_buffer(rows * longest, resizable=True)
    cdef int32_t* ends = <int32_t*> buffer_address(offsets)
    cdef char* out = <char*> buffer_address(data)
    cdef int64_t used = 0
    cdef int64_t row
    with nogil:
        ends[0] = 0
        for row in range(rows):
            used += writer(out + used, _event_of(first_row + <uint64_t> row, shape), settings)
            ends[row + 1] = <int32_t> used
    data.resize(used, shrink_to_fit=True)
    return bytes_array(pa.string(), offsets, data, None, rows, 0)
