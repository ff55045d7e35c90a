/* test_fault.c - each append, allocation and header on the way of an answer out of the front fails once: the client gets all of
 * the answer, an error, or sees that it has not got all. */
#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fault.h"
#include "check.h"
#include "house.h"

#ifdef GW_TEST_BUILD

#define HEAD "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
#define BODY "Content-Length: 2\r\n\r\n{}"
#define GET(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

static const struct {
    const char *name, *request;
} rows[] = {
    { "whole", HEAD "x-fake: now\r\n" BODY },
    { "whole, on the heap", HEAD "x-fake: big:300000\r\n" BODY },
    { "later", HEAD "x-fake: later:5\r\n" BODY },
    { "stream", HEAD "x-fake: stream:3:2:50\r\n" BODY },
    { "burst", HEAD "x-fake: burst:20:5000\r\n" BODY },
    { "flood", HEAD "x-fake: flood:20:9000\r\n" BODY },
    { "stream without chunks",
      "POST /v1/chat/completions HTTP/1.0\r\nHost: localhost\r\nx-fake: stream:3:2:50\r\n" BODY },
    { "burst without chunks",
      "POST /v1/chat/completions HTTP/1.0\r\nHost: localhost\r\nx-fake: flood:20:9000\r\n" BODY },
    { "before the body", HEAD "x-fake: early-close\r\nContent-Length: 9\r\n\r\n{" },
    { "a bad head", HEAD "Host: x\r\n\r\n" },
    { "no request line", "\r\n\r\n\r\n" GET("/livez") },
    { "metrics", GET("/metrics") },
    { "alive", GET("/livez") },
    { "options", "OPTIONS /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" },
};

static struct house house;

struct got {
    char *bytes;
    size_t len;
    bool reset;
};

/* All that comes, with what differs between two requests masked: dates, ids, numbers. */
static void ask(const char *request, struct got *got)
{
    int fd = house_connect(&house);
    ssize_t n;

    house_send(fd, request);
    got->len = 0;
    while ((n = recv(fd, got->bytes + got->len, (1 << 20) - 1 - got->len, 0)) > 0)
        got->len += (size_t)n;
    got->reset = n < 0;
    got->bytes[got->len] = '\0';
    close(fd);
}

static void mask(struct got *got)
{
    char *end = strstr(got->bytes, "\r\n\r\n");

    for (char *c = got->bytes; end != NULL && (c = strcasestr(c, "Date: ")) != NULL && c < end; c += 6)
        memset(c + 6, '0', 29);
    for (size_t i = strlen("HTTP/1.1 200"); i < got->len; i++)
        if (isxdigit((unsigned char)got->bytes[i]))
            got->bytes[i] = '0';
}

static size_t lines(const struct got *got)
{
    size_t n = 0;

    for (size_t i = 0; i < got->len; i++)
        n += got->bytes[i] == '\n';
    return n;
}

/* By its framing. */
static bool is_whole(const struct got *got)
{
    const char *end = strstr(got->bytes, "\r\n\r\n"), *length = strcasestr(got->bytes, "content-length: ");
    size_t head = end != NULL ? (size_t)(end - got->bytes) + 4 : 0;

    if (end == NULL)
        return false;
    if (length != NULL && length < end)
        return got->len - head >= strtoul(length + 16, NULL, 10);
    if (strcasestr(got->bytes, "transfer-encoding: chunked") != NULL)
        return got->len >= 5 && memcmp(got->bytes + got->len - 5, "0\r\n\r\n", 5) == 0;
    return !got->reset;
}

Test(fault, of_the_front_ends_in_all_of_the_answer_or_in_what_is_seen)
{
    struct got whole = { .bytes = malloc(1 << 20) }, got = { .bytes = malloc(1 << 20) };

    close(2); /* nobody reads hundreds of complaints */
    cr_assert_eq(open("/dev/null", O_WRONLY), 2);
    house_open(&house, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned n = 1, seen = 0;

        house_arm(&house, 0);
        ask(rows[i].request, &whole);
        cr_assert(is_whole(&whole), "%s: %s", rows[i].name, whole.bytes);
        mask(&whole);
        for (;; n++) {
            cr_assert_lt(n, 5000u, "%s", rows[i].name);
            house_arm(&house, n);
            ask(rows[i].request, &got);
            bool fired = house_arm(&house, 0), complete = is_whole(&got);
            bool error = got.len > 12 && got.bytes[9] >= '4';
            mask(&got);
            bool same = strcmp(rows[i].name, "metrics") == 0
                            ? lines(&got) == lines(&whole) /* their numbers are others */
                            : got.len == whole.len && memcmp(got.bytes, whole.bytes, got.len) == 0;
            cr_assert(same || !complete || error, "%s: fault %u:\n%s\nis not\n%s", rows[i].name, n, got.bytes,
                      whole.bytes);
            seen += !same;
            if (!fired)
                break;
        }
        cr_assert_gt(n, 2u, "%s", rows[i].name);
        cr_assert_gt(seen, 0u, "%s", rows[i].name);
    }
    house_close(&house);
    free(whole.bytes);
    free(got.bytes);
}

#else
typedef int fault_needs_a_build_for_tests;
#endif
