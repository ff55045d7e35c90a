/* test_head_check.c - which heads are refused, and why that and not another. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "http/head_check.h"

/* Reads "Name: value\n" lines as MHD would hand them over, and the request line. */
static struct head_check read_it(const char *method, const char *target, const char *headers)
{
    struct text rest = text_of(headers);
    struct head_check h;

    head_check_begin(&h, false, 100);
    while (rest.len > 0) {
        struct text line = text_cut(&rest, '\n'), name = text_cut(&line, ':');

        head_check_header(&h, name, text_trim(line));
    }
    head_check_end(&h, text_of(method), text_of(target), 1000, 8192);
    return h;
}

static void check_all(const char *const rows[][4], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct head_check h = read_it(rows[i][0], rows[i][1], rows[i][2]);

        if (rows[i][3] == NULL)
            cr_assert_eq(h.refuse, E_NONE, "%s %s: %s", rows[i][1], rows[i][2], h.why);
        else
            cr_assert(h.refuse != E_NONE && strstr(h.why, rows[i][3]) != NULL, "%s %s: %s", rows[i][1], rows[i][2],
                      h.refuse == E_NONE ? "accepted" : h.why);
    }
}
#define CHECK_ALL(rows) check_all(rows, sizeof rows / sizeof rows[0])

Test(head, accepts_what_clients_send)
{
    static const char *const rows[][4] = {
        { "POST", "/v1/chat/completions", "Host: localhost:8080\nContent-Length: 12\nContent-Type: a/b\n", NULL },
        { "POST", "/v1/chat/completions", "host: x\nTransfer-Encoding: chunked\nExpect: 100-continue\n", NULL },
        { "GET", "/v1/models/openai%2Fgpt-4o?a=[b]&c=d|e", "Host: [::1]:80\nAuthorization: Bearer x\n", NULL },
        { "GET", "http://x:80/v1/models", "Host: X:80\n", NULL },
        { "POST", "/", "Host: x\nTransfer-Encoding: CHUNKED\n", NULL },
        { "GET", "/", "Host: my-host_a~b.c9:65535\nAuthorization: a\nX-Api-Key: b\nApi-Key: c\nExpect: x\n", NULL },
        { "GET", "http://x?a", "Host: x\n", NULL },
        { "OPTIONS", "*", "Host: my_host.local\n", NULL },
        { "POST", "/", "Host: x\nContent-Length: 0\nX-Any: \xc3\xa9\ttab\n", NULL },
        { "GET", "/v1beta/models/gemini:generateContent", "Host: x\nContent-Length: 0\n", NULL },
        { "GET", "/a/...b/.c/d..", "Host: x\n", NULL },
    };
    CHECK_ALL(rows);
}

Test(head, refuses_doubtful_framing)
{
    static const char *const rows[][4] = {
        { "POST", "/", "Host: x\nContent-Length: 5\nContent-Length: 5\n", "twice" },
        { "POST", "/", "Host: x\nContent-Length: +5\n", "Content-Length is not a plain decimal" },
        { "POST", "/", "Host: x\nContent-Length: 05\n", "decimal" },
        { "POST", "/", "Host: x\nContent-Length: 5, 5\n", "decimal" },
        { "POST", "/", "Host: x\nContent-Length: 99999999999999999999\n", "decimal" },
        { "POST", "/", "Host: x\nContent-Length: \n", "decimal" },
        { "POST", "/", "Host: x\nContent-Length: 5\nTransfer-Encoding: chunked\n",
          "both Content-Length and Transfer-Encoding" },
        { "POST", "/", "Host: x\nTransfer-Encoding: chunked, chunked\n", "chunked" },
        { "POST", "/", "Host: x\nTransfer-Encoding: chunked\nTransfer-Encoding: chunked\n", "twice" },
        { "POST", "/", "Host: x\nTransfer_Encoding: chunked\nContent-Length: 5\n", "imitates" },
        { "POST", "/", "Host: x\nContent_Length: 5\n", "imitates" },
        { "GET", "/", "Host: x\nContent-Length: 5\n", "no body" },
        { "HEAD", "/", "Host: x\nTransfer-Encoding: chunked\n", "no body" },
    };
    CHECK_ALL(rows);
}

Test(head, refuses_doubtful_hosts)
{
    static const char *const rows[][4] = {
        { "GET", "/", "A: b\n", "missing" },
        { "GET", "/", "Host: \n", "host name" },
        { "GET", "/", "Host: x\nHost: x\n", "twice" },
        { "GET", "/", "Host: x, y\n", "host name" },
        { "GET", "/", "Host: a*b\n", "host name" },
        { "GET", "/", "Host: a+b\n", "host name" },
        { "GET", "/", "Host: [\n", "host name" },
        { "GET", "/", "Host: []\n", "host name" },
        { "GET", "/", "Host: [::1]x\n", "host name" },
        { "GET", "/", "Host: [::g]\n", "host name" },
        { "GET", "/", "Host: x\nApi-Key: a\nAPI-KEY: a\n", "twice" },
        { "GET", "/", "Host: x\nX-API-Key: a\nx-api-key: a\n", "twice" },
        { "GET", "/", "Host: x\nContent-Type: a\nContent-Type: a\n", "twice" },
        { "GET", "/", "Host: x\nExpect: 100-continue\nExpect: 100-continue\n", "twice" },
        { "GET", "/", "Host: u@x\n", "host name" },
        { "GET", "/", "Host: x/y\n", "host name" },
        { "GET", "/", "Host: x:8o\n", "host name" },
        { "GET", "/", "Host: x:-8\n", "host name" },
        { "GET", "/", "Host: x:8/\n", "host name" },
        { "GET", "/", "Host: x:123456\n", "host name" },
        { "GET", "/", "Host: [::1\n", "host name" },
        { "GET", "/", "Host: :80\n", "host name" },
        { "GET", "http://y/", "Host: x\n", "another host" },
        { "GET", "http://x@y/", "Host: y\n", "another host" },
    };
    CHECK_ALL(rows);
}

Test(head, refuses_doubtful_targets)
{
    static const char *const rows[][4] = {
        { "GET", "*", "Host: x\n", "the request target * is for OPTIONS only" },
        { "GET", "v1/models", "Host: x\n", "neither" },
        { "CONNECT", "x:443", "Host: x\n", "neither" },
        { "GET", "ftp://x/", "Host: x\n", "neither" },
        { "GET", "/a#b", "Host: x\n", "fragment" },
        { "GET", "/a%00b", "Host: x\n", "control" },
        { "GET", "/a%0d%0ab", "Host: x\n", "control" },
        { "GET", "/a%7F", "Host: x\n", "control" },
        { "GET", "/a%2", "Host: x\n", "hex digits" },
        { "GET", "/a%zz", "Host: x\n", "hex digits" },
        { "GET", "/a\\b", "Host: x\n", "backslash" },
        { "GET", "/caf\xc3\xa9", "Host: x\n", "percent-encoded" },
        { "GET", "/a/../b", "Host: x\n", "dot segment" },
        { "GET", "/a/.", "Host: x\n", "dot segment" },
        { "GET", "/%2e%2E/b", "Host: x\n", "encoded dot" },
        { "GET", "/.%2e", "Host: x\n", "encoded dot" },
        { "GET", "/a%2ejson", "Host: x\n", "encoded dot" },
        { "GET", "/a%5Cb", "Host: x\n", "encoded dot or backslash" },
        { "GET", "/a%5c..%5Cb", "Host: x\n", "encoded dot or backslash" },
        { "GET", "/a%2f..%2Fb", "Host: x\n", "dot segment" },
        { "GET", "/a/..%2Fb", "Host: x\n", "dot segment" },
        { "GET", "/a%2f.", "Host: x\n", "dot segment" },
        { "GET", "/a/..;/b", "Host: x\n", "dot segment" },
        { "GET", "/a/.;x=y", "Host: x\n", "dot segment" },
    };
    CHECK_ALL(rows);
}

Test(head, refuses_doubtful_headers)
{
    static const char *const rows[][4] = {
        { "GET", "/", "Host: x\nBad[Name: v\n", "name" },
        { "GET", "/", "Host: x\nX-T\xc3\xabst: v\n", "name" },
        { "GET", "/",
          "Host: x\nX-A: a\x01"
          "b\n",
          "control" },
        { "GET", "/", "Host: x\nX-A: a\x7f\n", "control" },
        { "GET", "/", "Host: x\nAuthorization: a\nAuthorization: b\n", "twice" },
        { "POST", "/", "Host: x\nContent-Type: a\nContent-Type: b\n", "twice" },
        { "G(T", "/", "Host: x\n", "method" },
    };
    CHECK_ALL(rows);
}

Test(head, has_limits)
{
    struct head_check h;
    static char target[10001];

    head_check_begin(&h, false, 3);
    for (int i = 0; i < 4; i++)
        head_check_header(&h, TEXT("A"), TEXT("b"));
    cr_assert_eq(h.refuse, E_HEAD_TOO_LARGE);

    h = read_it("GET", "/", "Host: x\n");
    head_check_begin(&h, false, 3);
    head_check_header(&h, TEXT("Host"), TEXT("x"));
    head_check_end(&h, TEXT("GET"), TEXT("/"), 8193, 8192);
    cr_assert_eq(h.refuse, E_HEAD_TOO_LARGE);

    memset(target, 'a', sizeof target - 1);
    target[0] = '/';
    h = read_it("GET", target, "Host: x\n");
    cr_assert_eq(h.refuse, E_HEAD_TOO_LARGE);
}

Test(head, knows_http_1_0)
{
    struct head_check h;

    head_check_begin(&h, true, 10);
    head_check_end(&h, TEXT("GET"), TEXT("/"), 20, 8192);
    cr_assert_eq(h.refuse, E_NONE);
    head_check_begin(&h, true, 10);
    head_check_header(&h, TEXT("Transfer-Encoding"), TEXT("chunked"));
    head_check_end(&h, TEXT("POST"), TEXT("/"), 20, 8192);
    cr_assert_eq(h.refuse, E_FRAMING);
}

Test(head, tells_the_path_of_a_url_and_why_it_refuses)
{
    struct head_check h = read_it("GET", "http://x/some/path?q=1", "Host: x\n");

    cr_assert(text_is(h.path, "/some/path"));
    cr_assert(text_is(h.query, "q=1"));
    h = read_it("GET", "https://X:1", "Host: x:1\n");
    cr_assert(text_is(h.path, "/"));
    cr_assert_null(h.query.ptr);
    h = read_it("POST", "/", "Host: x\nTransfer-Encoding: chunked\n");
    cr_assert(h.chunked && head_check_has_body(&h));
    head_check_begin(&h, false, 100);
    head_check_header(&h, TEXT("Host"), TEXT("x"));
    head_check_end(&h, TEXT("GET"), TEXT("/"), 8193, 8192);
    cr_assert_str_eq(h.why, "the head of the request is too large");
    h = read_it("GET", "/", "Host: x\nX-A: b\nX-A: c\nAuthorizatio: a\nAuthorizationn: a\n");
    cr_assert_eq(h.refuse, E_NONE);
    cr_assert_eq(h.count, 5u);
}

Test(head, tells_what_follows)
{
    struct head_check h = read_it("POST", "/a%2fb?c", "Host: x\nContent-Length: 7\nExpect: 100-Continue\n");

    cr_assert(head_check_has_body(&h));
    cr_assert(h.expects_continue);
    cr_assert_eq(h.length, 7);
    cr_assert(text_is(h.path, "/a%2fb"));
    cr_assert(text_is(h.query, "c"));
    cr_assert_eq(h.encoded_slash, 2u);
    h = read_it("GET", "/a%5bb%2fx%2fc", "Host: x\n"); /* the first, and no other sign */
    cr_assert_eq(h.encoded_slash, 6u);
    cr_assert_not(h.closes);
    cr_assert_not(read_it("GET", "/", "Host: x\nConnection: Keep-Alive\n").closes);
    cr_assert(read_it("GET", "/", "Host: x\nConnection: close\n").closes);
    cr_assert(read_it("GET", "/", "Host: x\nConnection: keep-alive, x\n").closes);
    h = read_it("POST", "/a", "Host: x\nContent-Length: 0\n");
    cr_assert_not(head_check_has_body(&h));
    cr_assert_eq(h.encoded_slash, h.path.len);
}

/* A target is a piece of what was sent: what stands behind it is not of it. */
Test(head, reads_no_further_than_the_target)
{
    static const char *const targets[] = { "/a%", "/a%4", "/%", "/%4" };

    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        struct text target;
        char bytes[16];
        struct head_check h;

        snprintf(bytes, sizeof bytes, "%s41", targets[i]);
        target = (struct text){ bytes, strlen(targets[i]) };
        head_check_begin(&h, false, 100);
        head_check_header(&h, TEXT("Host"), TEXT("x"));
        head_check_end(&h, TEXT("GET"), target, 100, 8192);
        cr_assert_eq(h.refuse, E_FRAMING, "%s", targets[i]);
        cr_assert_not_null(strstr(h.why, "hex digits"), "%s: %s", targets[i], h.why);
    }
}
