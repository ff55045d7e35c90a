/* complain.c - collects what is wrong and writes it in the order of the file. */
#include "boot/complain.h"

#include <stdbool.h>
#include <stdlib.h>

enum { MAX_BYTES = 1 << 20 };

void complain_init(struct complaints *c, const char *file)
{
    *c = (struct complaints){ .file = file };
    arena_init(&c->arena, NULL, 0, MAX_BYTES);
}

void complain_fini(struct complaints *c)
{
    arena_fini(&c->arena);
    c->count = c->more = 0;
}

void complain(struct complaints *c, int line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain_v(c, line, format, args);
    va_end(args);
}

void complain_v(struct complaints *c, int line, const char *format, va_list args)
{
    if (c->count == COMPLAIN_MAX) {
        c->more++;
        return;
    }
    char *text = arena_vprintf(&c->arena, format, args);
    for (char *at = text; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || *at == 127)
            *at = ' ';
    c->list[c->count++] = (struct complaint){ line, text };
}

/* An insertion sort, because two of one line stay in the order they were found. */
static void sort(struct complaints *c)
{
    for (size_t i = 1; i < c->count; i++)
        for (size_t at = i; at > 0 && c->list[at - 1].line > c->list[at].line; at--) {
            struct complaint swap = c->list[at];
            c->list[at] = c->list[at - 1];
            c->list[at - 1] = swap;
        }
}

void complain_write(struct complaints *c, struct buf *out)
{
    sort(c);
    for (size_t i = 0; i < c->count; i++) {
        const struct complaint *it = &c->list[i];
        bool is_second = it->line >= COMPLAIN_SECOND && c->second != NULL;
        const char *file = is_second ? c->second : c->file;
        int line = is_second ? it->line - COMPLAIN_SECOND : it->line;
        if (line > 0)
            buf_printf(out, "%s:%d: %s\n", file, line, it->text);
        else
            buf_printf(out, "%s: %s\n", file, it->text);
    }
    if (c->more > 0)
        buf_printf(out, "%s: and %zu more\n", c->file, c->more);
}
