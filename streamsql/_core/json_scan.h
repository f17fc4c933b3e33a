/* One line of JSON into columns: everything is validated, only wanted members are built.

   The line is [p, end) and *end is '\n', which is legal nowhere inside a line's tokens: it stops every scan, so there
   are no bounds checks. At least JSON_PADDING readable bytes follow `end`. */
#ifndef STREAMSQL_JSON_SCAN_H
#define STREAMSQL_JSON_SCAN_H

#include "records.h"

#define JSON_MAX_DEPTH 512
#define JSON_SLOTS 256
#define JSON_SLOT_BYTES 64
#define JSON_PADDING 64 /* a key is compared in steps of 8 before its end is known */

typedef struct {
    const uint8_t *name;
    int64_t bytes;
    int32_t column;  /* index of the column it fills, or -1 */
    bool is_rowtime; /* it is (also) the row's ROWTIME */
} JsonMember;

/* What stood at this place in the previous line: keys usually come in the same order. */
typedef struct {
    uint8_t text[JSON_SLOT_BYTES]; /* the key with its quotes, then at least 8 zeros */
    int32_t bytes;
    int32_t member; /* index of the wanted member, or -1 */
} JsonSlot;

enum JsonToken { TOKEN_NULL, TOKEN_TRUE, TOKEN_FALSE, TOKEN_NUMBER, TOKEN_STRING, TOKEN_NESTED };

typedef struct {
    enum JsonToken kind;
    bool has_escape;
    const uint8_t *start, *end; /* source text; for strings what is between the quotes */
    Number number;
} JsonValue;

typedef struct {
    IngestColumn *columns;
    int32_t column_count;
    IngestColumn *rowtime; /* NULL when the rows carry none */
    JsonMember *members;
    int32_t member_count;
    JsonSlot slots[JSON_SLOTS];
    int32_t slot_count;
    uint64_t stamp; /* number of the record being read; tells this record's marks in columns from older ones */
    int32_t seen_count, failed_count;
    uint8_t *scratch; /* as long as the longest line */
    int error;         /* of the last line: an IngestError */
    const uint8_t *error_at;
    IngestColumn *error_column;
} JsonScanner;

static inline const uint8_t *skip_blanks(const uint8_t *p) {
    while (*p == ' ' || *p == '\t' || *p == '\r') p++;
    return p;
}

static const uint8_t *json_fail(JsonScanner *s, int error, const uint8_t *at) {
    s->error = error;
    s->error_at = at;
    return NULL;
}

#define REPEAT(byte) (0x0101010101010101ULL * (byte))

/* The first quote, backslash or control character at or after p. */
static inline const uint8_t *string_stop(const uint8_t *p) {
    for (;;) {
        uint64_t w = load64(p);
        uint64_t quote = w ^ REPEAT('"'), slash = w ^ REPEAT('\\');
        /* a byte's top bit is set where it is zero (or below ' '); borrows only disturb bytes after a true hit */
        uint64_t hit = (((quote - REPEAT(1)) & ~quote) | ((slash - REPEAT(1)) & ~slash) | ((w - REPEAT(' ')) & ~w)) &
                       REPEAT(0x80);
        if (hit) return p + (__builtin_ctzll(hit) >> 3);
        p += 8;
    }
}

static inline int hex4(const uint8_t *p) {
    int value = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(p[i]);
        if (digit < 0) return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* The closing quote of the string whose first character is at p, or NULL after json_fail. */
static const uint8_t *scan_string(JsonScanner *s, const uint8_t *p, bool *has_escape) {
    *has_escape = false;
    for (;;) {
        p = string_stop(p);
        if (*p == '"') return p;
        if (*p != '\\') return json_fail(s, *p == '\n' ? PARSE_STRING_END : PARSE_CONTROL, p);
        *has_escape = true;
        switch (p[1]) {
            case '"':
            case '\\':
            case '/':
            case 'b':
            case 'f':
            case 'n':
            case 'r':
            case 't': p += 2; break;
            case 'u': {
                int unit = hex4(p + 2);
                if (unit < 0) return json_fail(s, PARSE_ESCAPE, p);
                if (unit >= 0xd800 && unit <= 0xdfff) {
                    if (unit >= 0xdc00 || p[6] != '\\' || p[7] != 'u') return json_fail(s, PARSE_SURROGATE, p);
                    int low = hex4(p + 8);
                    if (low < 0xdc00 || low > 0xdfff) return json_fail(s, PARSE_SURROGATE, p);
                    p += 6;
                }
                p += 6;
                break;
            }
            default: return json_fail(s, PARSE_ESCAPE, p);
        }
    }
}

/* The text of a validated string with escapes, into `to`; the number of bytes (at most the source's). */
static int64_t unescape(const uint8_t *p, const uint8_t *end, uint8_t *to) {
    uint8_t *first = to;
    while (p < end) {
        if (*p != '\\') {
            *to++ = *p++;
            continue;
        }
        switch (p[1]) {
            case 'b': *to++ = '\b'; break;
            case 'f': *to++ = '\f'; break;
            case 'n': *to++ = '\n'; break;
            case 'r': *to++ = '\r'; break;
            case 't': *to++ = '\t'; break;
            case 'u': {
                uint32_t c = (uint32_t)hex4(p + 2);
                p += 4;
                if (c >= 0xd800 && c <= 0xdfff) {
                    c = 0x10000 + ((c - 0xd800) << 10) + ((uint32_t)hex4(p + 4) - 0xdc00);
                    p += 6;
                }
                if (c < 0x80) {
                    *to++ = (uint8_t)c;
                } else if (c < 0x800) {
                    *to++ = (uint8_t)(0xc0 | c >> 6);
                    *to++ = (uint8_t)(0x80 | (c & 0x3f));
                } else if (c < 0x10000) {
                    *to++ = (uint8_t)(0xe0 | c >> 12);
                    *to++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
                    *to++ = (uint8_t)(0x80 | (c & 0x3f));
                } else {
                    *to++ = (uint8_t)(0xf0 | c >> 18);
                    *to++ = (uint8_t)(0x80 | (c >> 12 & 0x3f));
                    *to++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
                    *to++ = (uint8_t)(0x80 | (c & 0x3f));
                }
                break;
            }
            default: *to++ = p[1]; break; /* the quote, the backslash, the slash */
        }
        p += 2;
    }
    return to - first;
}

/* Behind a number that is only validated, or NULL when it is malformed. */
static inline const uint8_t *skip_number(const uint8_t *p) {
    p += *p == '-';
    if (*p == '0') {
        p++;
    } else {
        const uint8_t *first = p;
        while ((uint8_t)(*p - '0') <= 9) p++;
        if (p == first) return NULL;
    }
    if (*p == '.') {
        const uint8_t *first = ++p;
        while ((uint8_t)(*p - '0') <= 9) p++;
        if (p == first) return NULL;
    }
    if ((*p | 0x20) == 'e') {
        p++;
        p += *p == '-' || *p == '+';
        const uint8_t *first = p;
        while ((uint8_t)(*p - '0') <= 9) p++;
        if (p == first) return NULL;
    }
    return (uint8_t)(*p - '0') <= 9 ? NULL : p;
}

static inline const uint8_t *skip_scalar(JsonScanner *s, const uint8_t *p) {
    const uint8_t *next;
    bool has_escape;
    switch (*p) {
        case '"':
            next = scan_string(s, p + 1, &has_escape);
            return next == NULL ? NULL : next + 1;
        case 't':
            if (memcmp(p, "true", 4) == 0) return p + 4;
            return json_fail(s, PARSE_VALUE, p);
        case 'f':
            if (memcmp(p, "false", 5) == 0) return p + 5;
            return json_fail(s, PARSE_VALUE, p);
        case 'n':
            if (memcmp(p, "null", 4) == 0) return p + 4;
            return json_fail(s, PARSE_VALUE, p);
        case '-':
        case '0':
        case '1':
        case '2':
        case '3':
        case '4':
        case '5':
        case '6':
        case '7':
        case '8':
        case '9':
            next = skip_number(p);
            return next == NULL ? json_fail(s, PARSE_NUMBER, p) : next;
        default: return json_fail(s, PARSE_VALUE, p);
    }
}

/* `"key" :` of an object below the top, at p; behind the colon and blanks, or NULL. */
static const uint8_t *skip_key(JsonScanner *s, const uint8_t *p) {
    bool has_escape;
    if (*p != '"') return json_fail(s, PARSE_KEY, p);
    p = scan_string(s, p + 1, &has_escape);
    if (p == NULL) return NULL;
    p = skip_blanks(p + 1);
    if (*p != ':') return json_fail(s, PARSE_COLON, p);
    return skip_blanks(p + 1);
}

/* Behind the array or object that starts at p. No recursion: one bit per open level says whether it is an object. */
static const uint8_t *skip_nested(JsonScanner *s, const uint8_t *p) {
    uint64_t is_object[JSON_MAX_DEPTH / 64];
    int depth = 0;
    for (;;) { /* at the start of a value */
        if (*p == '{' || *p == '[') {
            bool object = *p == '{';
            if (depth == JSON_MAX_DEPTH - 1) return json_fail(s, PARSE_DEPTH, p);
            depth++;
            uint64_t bit = 1ULL << (depth & 63);
            if (object) {
                is_object[depth >> 6] |= bit;
            } else {
                is_object[depth >> 6] &= ~bit;
            }
            p = skip_blanks(p + 1);
            if (*p != (object ? '}' : ']')) {
                if (object && (p = skip_key(s, p)) == NULL) return NULL;
                continue;
            }
            p++;
            depth--;
        } else if ((p = skip_scalar(s, p)) == NULL) {
            return NULL;
        }
        for (;;) { /* behind a value */
            if (depth == 0) return p;
            p = skip_blanks(p);
            bool object = is_object[depth >> 6] >> (depth & 63) & 1;
            if (*p == ',') {
                p = skip_blanks(p + 1);
                if (object && (p = skip_key(s, p)) == NULL) return NULL;
                break;
            }
            if (*p != (object ? '}' : ']')) return json_fail(s, PARSE_COMMA, p);
            p++;
            depth--;
        }
    }
}

/* The value at p with its text; behind it, or NULL. */
static inline const uint8_t *scan_value(JsonScanner *s, const uint8_t *p, JsonValue *v) {
    const uint8_t *next;
    v->start = p;
    switch (*p) {
        case '"':
            v->kind = TOKEN_STRING;
            v->start = p + 1;
            next = scan_string(s, p + 1, &v->has_escape);
            v->end = next;
            return next == NULL ? NULL : next + 1;
        case '{':
        case '[':
            v->kind = TOKEN_NESTED;
            v->end = skip_nested(s, p);
            return v->end;
        case 't':
        case 'f':
        case 'n':
            v->kind = *p == 't' ? TOKEN_TRUE : *p == 'f' ? TOKEN_FALSE : TOKEN_NULL;
            v->end = skip_scalar(s, p);
            return v->end;
        case '-':
        case '0':
        case '1':
        case '2':
        case '3':
        case '4':
        case '5':
        case '6':
        case '7':
        case '8':
        case '9':
            v->kind = TOKEN_NUMBER;
            v->end = scan_json_number(p, &v->number);
            return v->end == NULL ? json_fail(s, PARSE_NUMBER, p) : v->end;
        default: return json_fail(s, PARSE_VALUE, p);
    }
}

/* The source text of an array or object without the blanks between its tokens, into scratch; its length. */
static int64_t compact_text(JsonScanner *s, const JsonValue *v) {
    uint8_t *to = s->scratch;
    bool in_string = false;
    for (const uint8_t *p = v->start; p < v->end; p++) {
        if (!in_string && is_blank(*p)) continue;
        *to++ = *p;
        if (*p == '"') {
            in_string = !in_string;
        } else if (*p == '\\') {
            *to++ = *++p;
        }
    }
    return to - s->scratch;
}

/* One value into one column; a value that does not fit is noted in the column, the line goes on being validated. A
   member that comes twice counts once, with its last value. */
static inline int store_value(JsonScanner *s, IngestColumn *c, int64_t row, const JsonValue *v) {
    int error;
    switch (v->kind) {
        case TOKEN_NUMBER: error = put_number(c, row, &v->number, v->start, v->end - v->start); break;
        case TOKEN_STRING:
            if (v->has_escape) {
                int64_t bytes = unescape(v->start, v->end, s->scratch);
                error = put_text(c, row, s->scratch, bytes);
            } else {
                error = put_text(c, row, v->start, v->end - v->start);
            }
            break;
        case TOKEN_TRUE:
        case TOKEN_FALSE: error = put_boolean(c, row, v->kind == TOKEN_TRUE); break;
        case TOKEN_NULL:
            put_null(c, row);
            error = c->kind == KIND_ROWTIME ? COERCE_NULL_ROWTIME : INGEST_OK;
            break;
        default:
            if (c->kind == KIND_CHAR || c->kind == KIND_VARCHAR) {
                int64_t bytes = compact_text(s, v);
                error = put_string(c, row, s->scratch, bytes);
            } else {
                error = COERCE_KIND;
            }
    }
    if (error == PARSE_MEMORY) return error;
    if (c->seen != s->stamp) {
        c->seen = s->stamp;
        s->seen_count++;
    } else if (c->failed_at == s->stamp) { /* an earlier value of the same member failed */
        c->failed_at = 0;
        s->failed_count--;
    }
    if (error) {
        c->failed_at = s->stamp;
        c->failed = (uint8_t)error;
        c->found = v->kind == TOKEN_STRING ? v->start - 1 : v->start;
        c->found_bytes = v->end - c->found + (v->kind == TOKEN_STRING);
        s->failed_count++;
    }
    return INGEST_OK;
}

static int32_t find_member(const JsonScanner *s, const uint8_t *name, int64_t bytes) {
    for (int32_t i = 0; i < s->member_count; i++) {
        if (s->members[i].bytes == bytes && memcmp(s->members[i].name, name, (size_t)bytes) == 0) return i;
    }
    return -1;
}

/* The key at p (with quotes) when it is not the one of the previous line: validated, looked up, remembered. */
static const uint8_t *scan_key(JsonScanner *s, const uint8_t *p, int32_t slot, int32_t *member) {
    bool has_escape;
    if (*p != '"') return json_fail(s, PARSE_KEY, p);
    const uint8_t *end = scan_string(s, p + 1, &has_escape);
    if (end == NULL) return NULL;
    if (has_escape) {
        int64_t bytes = unescape(p + 1, end, s->scratch);
        *member = find_member(s, s->scratch, bytes);
    } else {
        *member = find_member(s, p + 1, end - p - 1);
    }
    end++;
    if (slot < JSON_SLOTS && slot <= s->slot_count) {
        JsonSlot *kept = &s->slots[slot];
        int64_t bytes = end - p;
        if (bytes <= JSON_SLOT_BYTES - 8) {
            memset(kept->text, 0, sizeof kept->text);
            memcpy(kept->text, p, (size_t)bytes);
            kept->bytes = (int32_t)bytes;
            kept->member = *member;
            if (slot == s->slot_count) s->slot_count++;
        } else {
            s->slot_count = slot; /* too long to remember: neither it nor what follows it */
        }
    }
    return end;
}

static inline bool is_slot_key(const JsonSlot *slot, const uint8_t *p) {
    const uint8_t *key = slot->text;
    int32_t left = slot->bytes;
    for (; left >= 8; left -= 8, p += 8, key += 8) {
        if (load64(p) != load64(key)) return false;
    }
    /* both sides have 8 readable bytes; those behind the key are masked away (left == 0 leaves nothing to compare) */
    uint64_t mask = (1ULL << (8 * left)) - 1;
    return ((load64(p) ^ load64(key)) & mask) == 0;
}

/* The line [p, end) as row `row`. 0, or an IngestError with error_at and error_column set; -1 for a blank line. */
static int json_line(JsonScanner *s, const uint8_t *p, const uint8_t *end, int64_t row) {
    s->stamp++;
    s->seen_count = s->failed_count = 0;
    s->error_column = NULL;
    p = skip_blanks(p);
    if (p == end) return -1;
    if (!is_ascii(p, end - p)) {
        int64_t at = utf8_error(p, end - p);
        if (at >= 0) {
            json_fail(s, PARSE_UTF8, p + at);
            return s->error;
        }
    }
    if (*p != '{') {
        json_fail(s, PARSE_NOT_OBJECT, p);
        return s->error;
    }
    p = skip_blanks(p + 1);
    if (*p == '}') {
        p++;
    } else {
        for (int32_t slot = 0;; slot++) {
            int32_t member;
            if (slot < s->slot_count && is_slot_key(&s->slots[slot], p)) {
                p += s->slots[slot].bytes;
                member = s->slots[slot].member;
            } else if ((p = scan_key(s, p, slot, &member)) == NULL) {
                return s->error;
            }
            p = skip_blanks(p);
            if (*p != ':') {
                json_fail(s, PARSE_COLON, p);
                return s->error;
            }
            p = skip_blanks(p + 1);
            if (member < 0) {
                p = *p == '{' || *p == '[' ? skip_nested(s, p) : skip_scalar(s, p);
                if (p == NULL) return s->error;
            } else {
                JsonValue value;
                const JsonMember *m = &s->members[member];
                if ((p = scan_value(s, p, &value)) == NULL) return s->error;
                if ((m->column >= 0 && store_value(s, &s->columns[m->column], row, &value)) ||
                    (m->is_rowtime && store_value(s, s->rowtime, row, &value))) {
                    json_fail(s, PARSE_MEMORY, p);
                    return s->error;
                }
            }
            p = skip_blanks(p);
            if (*p == '}') {
                p++;
                break;
            }
            if (*p != ',') {
                json_fail(s, PARSE_COMMA, p);
                return s->error;
            }
            p = skip_blanks(p + 1);
        }
    }
    p = skip_blanks(p);
    if (p != end) {
        json_fail(s, PARSE_TRAILING, p);
        return s->error;
    }
    if (s->rowtime != NULL && s->rowtime->seen != s->stamp) {
        s->error_column = s->rowtime;
        s->rowtime->found = end;
        s->rowtime->found_bytes = 0;
        return COERCE_NULL_ROWTIME;
    }
    if (s->failed_count) {
        IngestColumn *failed = s->rowtime;
        for (int32_t i = s->column_count - 1; i >= 0; i--) {
            if (s->columns[i].failed_at == s->stamp) failed = &s->columns[i];
        }
        s->error_column = failed;
        return failed->failed;
    }
    if (s->seen_count < s->column_count + (s->rowtime != NULL)) {
        for (int32_t i = 0; i < s->column_count; i++) {
            if (s->columns[i].seen != s->stamp) put_null(&s->columns[i], row);
        }
    }
    return INGEST_OK;
}

#endif
