/* complain.h - what is wrong with a configuration: "gateway.lua:14: provider "claude": ...", all of it
 * rather than the first. Boot thread. */
#ifndef BOOT_COMPLAIN_H
#define BOOT_COMPLAIN_H

#include <stdarg.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"

#define COMPLAIN_MAX 20
#define COMPLAIN_SECOND (1 << 28) /* line N of the second file is COMPLAIN_SECOND + N */

struct complaint {
    int line; /* 0: of the file as a whole; from COMPLAIN_SECOND on: of the second one */
    const char *text;
};

struct complaints {
    struct arena arena;
    const char *file;   /* as complaints name it, kept */
    const char *second; /* the same of what was read after it; NULL: nothing was */
    struct complaint list[COMPLAIN_MAX];
    size_t count; /* in the list */
    size_t more;  /* that found no place there */
};

/* `file` is kept. */
void complain_init(struct complaints *c, const char *file);
void complain_fini(struct complaints *c);
/* `line` 0: none to name. The text is one line and never holds a secret. */
void complain(struct complaints *c, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
void complain_v(struct complaints *c, int line, const char *format, va_list args);
/* One line each, in the order of the file, appended. */
void complain_write(struct complaints *c, struct buf *out);

#endif
