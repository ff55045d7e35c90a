/* chunk.c - watches over http-parser while it takes chunks apart.
 *
 * Debian builds http-parser without HTTP_PARSER_STRICT (2.9.4-5, seen to accept "5\r\nhelloXY0\r\n\r\n"):
 * it skips line ends without looking at them. A body that it and another reader cut differently is how
 * requests are smuggled, so each byte that is not data is checked here. */
#include "upstream/chunk.h"

#include "base/field.h"

enum state {
    SIZE_FIRST,
    SIZE,
    NAME_FIRST, /* of an extension */
    NAME,
    VALUE_FIRST,
    VALUE,
    QUOTED,
    ESCAPED,
    AFTER_QUOTED,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER_FIRST, /* or the empty line */
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    END_LF,
    END,
    BAD,
};

void chunk_init(struct chunk *c)
{
    *c = (struct chunk){ .state = SIZE_FIRST };
}

bool chunk_ended(const struct chunk *c)
{
    return c->state == END;
}

bool chunk_data(struct chunk *c, bool last)
{
    if (c->state != DATA)
        return false;
    if (last)
        c->state = DATA_CR;
    return true;
}

static bool is_text(char c)
{
    return ((unsigned char)c >= 0x20 && c != 0x7f) || c == '\t';
}

/* What may follow where an extension may begin or the line end. */
static enum state extension(char c)
{
    return c == ';' ? NAME_FIRST : c == '\r' ? SIZE_LF : BAD;
}

static enum state size_line(struct chunk *c, char byte)
{
    if (++c->line > CHUNK_MAX_LINE)
        return BAD;
    switch ((enum state)c->state) {
    case SIZE_FIRST:
    case SIZE:
        if (text_hex(byte) < 0)
            return c->state == SIZE ? extension(byte) : BAD;
        c->more = c->more || byte != '0';
        return SIZE;
    case NAME_FIRST:
        return field_is_name_byte(byte) ? NAME : BAD;
    case NAME:
        return field_is_name_byte(byte) ? NAME : byte == '=' ? VALUE_FIRST : extension(byte);
    case VALUE_FIRST:
        return byte == '"' ? QUOTED : field_is_name_byte(byte) ? VALUE : BAD;
    case VALUE:
        return field_is_name_byte(byte) ? VALUE : extension(byte);
    case QUOTED:
        return byte == '"' ? AFTER_QUOTED : byte == '\\' ? ESCAPED : is_text(byte) ? QUOTED : BAD;
    case ESCAPED:
        return is_text(byte) ? QUOTED : BAD;
    case AFTER_QUOTED:
        return extension(byte);
    default: /* SIZE_LF */
        c->line = 0;
        return byte != '\n' ? BAD : c->more ? DATA : TRAILER_FIRST;
    }
}

static enum state trailer(struct chunk *c, char byte)
{
    if (++c->trailers > CHUNK_MAX_TRAILERS)
        return BAD;
    switch ((enum state)c->state) {
    case TRAILER_FIRST:
        return byte == '\r' ? END_LF : field_is_name_byte(byte) ? TRAILER_NAME : BAD;
    case TRAILER_NAME:
        return byte == ':' ? TRAILER_VALUE : field_is_name_byte(byte) ? TRAILER_NAME : BAD;
    case TRAILER_VALUE:
        return byte == '\r' ? TRAILER_LF : is_text(byte) ? TRAILER_VALUE : BAD;
    case TRAILER_LF:
        return byte == '\n' ? TRAILER_FIRST : BAD;
    default:
        return c->state == END_LF && byte == '\n' ? END : BAD;
    }
}

bool chunk_framing(struct chunk *c, const char *from, const char *to)
{
    enum state next = (enum state)c->state;

    for (; from < to && next != BAD; from++) {
        if (next < DATA) {
            next = size_line(c, *from);
        } else if (next == DATA_CR) {
            next = *from == '\r' ? DATA_LF : BAD;
        } else if (next == DATA_LF) {
            next = *from == '\n' ? SIZE_FIRST : BAD;
            c->more = false;
        } else {
            next = trailer(c, *from); /* DATA, END and BAD are not met by framing */
        }
        c->state = (uint8_t)next;
    }
    return next != BAD;
}
