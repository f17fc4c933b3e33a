/* CSV records (RFC 4180, any one-byte delimiter and quote) into columns: a record is cut first, then converted.

   A record ends at the first line end outside quotes. One whose quotes do not fit ends at its first line end instead:
   a stray quote costs one line and never swallows what follows. */
#ifndef STREAMSQL_CSV_SCAN_H
#define STREAMSQL_CSV_SCAN_H

#include "records.h"

/* Bytes a record of several lines may have before its quote counts as never closed. */
#define CSV_QUOTED_LIMIT (64 * 1024)

typedef struct {
    const uint8_t *start;
    int64_t bytes;
    bool has_escape; /* it holds doubled quotes */
} CsvField;

typedef struct {
    IngestColumn *columns;
    IngestColumn *rowtime;
    int32_t field_count;
    int32_t *targets; /* per field the column it fills, or -1 */
    int32_t rowtime_field; /* or -1 */
    CsvField *fields;
    uint8_t delimiter, quote;
    uint8_t *scratch;
    int64_t found_count; /* fields of the last record */
    const uint8_t *error_at;
    IngestColumn *error_column;
} CsvScanner;

enum { CSV_NEEDS_MORE = -2 };

static inline void add_field(CsvScanner *s, const uint8_t *start, const uint8_t *end, bool has_escape) {
    if (s->found_count < s->field_count) s->fields[s->found_count] = (CsvField){start, end - start, has_escape};
    s->found_count++;
}

/* The fields of the line [p, end) that has no quote in it. */
static void cut_plain(CsvScanner *s, const uint8_t *p, const uint8_t *end) {
    s->found_count = 0;
    for (;;) {
        const uint8_t *q = p;
        while (q < end && *q != s->delimiter) q++;
        add_field(s, p, q, false);
        if (q == end) return;
        p = q + 1;
    }
}

/* The fields of the record at p, which may go on over several lines up to `stop`; *record_end is set to its line end
   (or to `stop`). 0, an IngestError, or CSV_NEEDS_MORE when the bytes behind `stop` decide and there will be some. What is
   found depends on the bytes alone, never on how many of them have come. */
static int cut_quoted(CsvScanner *s, const uint8_t *p, const uint8_t *line_end, const uint8_t *stop, bool is_last,
                      const uint8_t **record_end) {
    const uint8_t *limit = line_end - p > CSV_QUOTED_LIMIT ? line_end : p + CSV_QUOTED_LIMIT;
    const uint8_t *bound = stop < limit ? stop : limit;
    int not_closed = is_last || stop > limit ? PARSE_OPEN_QUOTE : CSV_NEEDS_MORE;
    s->found_count = 0;
    s->error_at = p;
    for (;;) {
        const uint8_t *q = p;
        if (p < stop && *p == s->quote) {
            bool has_escape = false;
            s->error_at = p;
            for (q = p + 1;; q += 2) {
                q = q < bound ? (const uint8_t *)memchr(q, s->quote, (size_t)(bound - q)) : NULL;
                if (q == NULL) return not_closed;
                if (q + 1 == stop && !is_last) return CSV_NEEDS_MORE;
                if (q + 1 == stop || q[1] != s->quote) break;
                has_escape = true;
            }
            add_field(s, p + 1, q, has_escape);
            q++;
            if (q < stop && *q == '\r') {
                if (q + 1 == stop && !is_last) return CSV_NEEDS_MORE;
                if (q + 1 == stop || q[1] == '\n') q++;
            }
            if (q < stop && *q != '\n' && *q != s->delimiter) {
                s->error_at = q;
                return PARSE_AFTER_QUOTE;
            }
        } else {
            while (q < bound && *q != s->delimiter && *q != '\n') q++;
            if (q >= bound) {
                if (q == stop && !is_last) return CSV_NEEDS_MORE;
                if (q < stop && *q != s->delimiter && *q != '\n') return PARSE_OPEN_QUOTE;
            }
            bool ends = q == stop || *q == '\n';
            add_field(s, p, ends && q > p && q[-1] == '\r' ? q - 1 : q, false);
        }
        if (q == stop || *q == '\n') {
            *record_end = q;
            return INGEST_OK;
        }
        p = q + 1;
    }
}

static int64_t unquote(const CsvScanner *s, const CsvField *f) {
    uint8_t *to = s->scratch;
    for (int64_t i = 0; i < f->bytes; i++) {
        *to++ = f->start[i];
        i += f->start[i] == s->quote;
    }
    return to - s->scratch;
}

static int store_field(CsvScanner *s, const CsvField *f, IngestColumn *c, int64_t row) {
    if (f->bytes == 0 && c->kind != KIND_CHAR && c->kind != KIND_VARCHAR) {
        if (c->kind == KIND_ROWTIME) return COERCE_NULL_ROWTIME;
        put_null(c, row);
        return INGEST_OK;
    }
    if (f->has_escape) {
        int64_t bytes = unquote(s, f);
        return put_text(c, row, s->scratch, bytes);
    }
    return put_text(c, row, f->start, f->bytes);
}

/* The fields that were cut, as row `row`. 0 or an IngestError with error_column set. */
static int csv_store(CsvScanner *s, int64_t row) {
    s->error_column = NULL;
    if (s->found_count != s->field_count) return PARSE_FIELD_COUNT;
    for (int32_t i = 0; i < s->field_count; i++) {
        for (int pass = 0; pass < 2; pass++) {
            IngestColumn *c = pass == 0 ? (s->targets[i] >= 0 ? &s->columns[s->targets[i]] : NULL)
                                        : (i == s->rowtime_field ? s->rowtime : NULL);
            if (c == NULL) continue;
            int error = store_field(s, &s->fields[i], c, row);
            if (error) {
                s->error_column = c;
                c->found = s->fields[i].start;
                c->found_bytes = s->fields[i].bytes;
                return error;
            }
        }
    }
    return INGEST_OK;
}

#endif
