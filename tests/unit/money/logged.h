/* logged.h - what is written to stderr between logged_begin() and logged_end(). */
#ifndef TEST_LOGGED_H
#define TEST_LOGGED_H

#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "check.h"

struct logged {
    int saved;
    FILE *file;
};

static inline void logged_begin(struct logged *l)
{
    log_line(LOG_ERROR, "(a test reads what follows)"); /* reports here what an earlier test could not write */
    fflush(stderr);
    l->file = tmpfile();
    cr_assert_not_null(l->file);
    l->saved = dup(STDERR_FILENO);
    cr_assert_geq(dup2(fileno(l->file), STDERR_FILENO), 0);
}

static inline void logged_end(struct logged *l, char *text, size_t size)
{
    fflush(stderr);
    dup2(l->saved, STDERR_FILENO);
    close(l->saved);
    rewind(l->file);
    text[fread(text, 1, size - 1, l->file)] = '\0';
    fclose(l->file);
}

#endif
