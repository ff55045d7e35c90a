/* fail.h - one way to fail: 0 or -1, and the reason for the one who must act.
 *
 * A failure is written where it is understood and never rewritten on the way up. */
#ifndef BASE_FAIL_H
#define BASE_FAIL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fail_kind {
    FAIL_NONE = 0,
    FAIL_CLIENT,   /* who sent the request must change it */
    FAIL_OPERATOR, /* who runs the gateway must change its configuration or machine */
    FAIL_UPSTREAM, /* the provider failed */
    FAIL_US,       /* a limit or defect of the gateway itself */
};

struct json;

struct fail {
    enum fail_kind kind;
    int status;          /* HTTP, when a client is to be reported; 0 otherwise */
    const char *type;    /* static: "invalid_request_error" */
    const char *code;    /* static or arena: "invalid_json" */
    int8_t should_retry; /* 1 true, 0 false, -1 not stated */
    bool close;          /* the connection ends with this answer */
    int retry_after_s;   /* 0: no header */
    char param[96];      /* the member complained of, empty when none */
    char text[480];      /* for a person: what is wrong and what to do */
    /* What an upstream reported, where the client is to act on it; both are in the arena of the request. */
    const char *words;       /* instead of `text`, which has no room for them; NULL: they fit */
    const struct json *more; /* an object: what its error has beside message, code and param; NULL: nothing */
};

/* Fill `fail` (which may be NULL) with a kind and a text, cut between characters when too long; all else
 * is cleared. Always -1. Any thread. */
int fail_set(struct fail *fail, enum fail_kind kind, const char *format, ...) __attribute__((format(printf, 3, 4)));
int fail_vset(struct fail *fail, enum fail_kind kind, const char *format, va_list args);
/* Writes the text alone, cut between characters when too long, and then marked with "..." at its end. */
void fail_vtext(struct fail *fail, const char *format, va_list args);

/* A promise we made ourselves was broken: report where, and abort. */
_Noreturn void fail_bug(const char *file, int line, const char *what);
#define BUG_IF(cond)                                                                                                   \
    do {                                                                                                               \
        if (__builtin_expect(!!(cond), 0))                                                                             \
            fail_bug(__FILE__, __LINE__, #cond);                                                                       \
    } while (0)

/* Heap and arena structs start with a magic; public functions check it. */
#define CHECK(ptr, MAGIC) BUG_IF((ptr) == NULL || (ptr)->magic != MAGIC##_MAGIC)

/* The headers that declare the banned names come first, so that the order of includes does not matter. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __GNUC__
#pragma GCC poison strcpy strcat sprintf gets strtok
#endif

#endif
