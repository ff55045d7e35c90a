/* head_check.h - is this head of a request one that everybody reads alike?
 *
 * MHD at discipline level 2 refuses most of what servers disagree on. What it lets through and a proxy
 * should not is refused here: RFC 9112 and 9110, and the cases of http11probe and te-mutations. Pure
 * functions, any thread. */
#ifndef HTTP_HEAD_CHECK_H
#define HTTP_HEAD_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "canon/error.h"

/* One head while it is read. Texts are lent from the head. */
struct head_check {
    enum error_case refuse; /* E_NONE, E_FRAMING or E_HEAD_TOO_LARGE: the first thing found */
    const char *why;        /* for a person, static */
    bool http10;
    bool chunked, expects_continue;
    bool closes;    /* its connection may end with it: Connection is there, and not just keep-alive */
    int64_t length; /* Content-Length; -1: none */
    struct text method, host;
    struct text path;     /* of the target: no scheme, no authority, no query; "*" for OPTIONS * */
    struct text query;    /* behind its question mark; absent without one */
    size_t encoded_slash; /* offset of the first %2F in path; path.len: none */
    unsigned seen;        /* which of the headers that may come once have come */
    unsigned count, most;
};

/* `most` headers are taken. */
void head_check_begin(struct head_check *h, bool http10, unsigned most);
/* One header. */
void head_check_header(struct head_check *h, struct text name, struct text value);
/* After the last header: the request line, and what the whole amounts to. `bytes` is the size of the head. */
void head_check_end(struct head_check *h, struct text method, struct text target, size_t bytes, size_t most_bytes);
/* Does a body follow? */
bool head_check_has_body(const struct head_check *h);

#endif
