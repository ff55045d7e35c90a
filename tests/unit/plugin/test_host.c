/* test_host.c - every function a plugin may call, also with what a careless plugin hands in. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "check.h"
#include "plugin/call.h"

static struct arena keep, scratch;
static struct gw_call call;
static struct gw_http http;
static const gw_host *h;

static void begin(void)
{
    h = call_host();
    arena_init(&keep, NULL, 0, 1 << 20);
    arena_init(&scratch, NULL, 0, 1 << 16);
    call_begin(&call, &keep, &scratch, &keep);
    call_http_init(&http, &call, 1 << 16);
}

static void end(void)
{
    call_http_fini(&http);
    arena_fini(&scratch);
    arena_fini(&keep);
}

static gw_str str(const char *s)
{
    return call_str(text_of(s));
}

Test(host, has_every_function_of_its_version)
{
    begin();
    cr_assert_eq(h->size, sizeof(gw_host));
    cr_assert_eq(h->abi_minor, GW_ABI_MINOR);
    const char *from = (const char *)&h->json, *to = (const char *)(h + 1);
    for (; from < to; from += sizeof(void (*)(void))) {
        void *function;
        memcpy(&function, from, sizeof function);
        cr_assert_not_null(function, "the word at %td of gw_host", from - (const char *)h);
    }
    cr_assert(GW_HAS(h, http_json_body));
    gw_host old = *h;
    old.size = offsetof(gw_host, writer);
    cr_assert(GW_HAS(&old, answer_header));
    cr_assert_not(GW_HAS(&old, writer));
    end();
}

Test(host, gives_zeroed_aligned_memory_up_to_a_limit)
{
    begin();
    for (size_t align = 1; align <= 256; align *= 2) {
        char *memory = h->alloc(&call, 33, align);
        cr_assert_not_null(memory);
        cr_assert_eq((uintptr_t)memory % align, 0u);
        for (size_t i = 0; i < 33; i++)
            cr_assert_eq(memory[i], 0);
        memset(memory, 'x', 33);
    }
    cr_assert_not_null(h->alloc(&call, 0, 1));
    cr_assert_not_null(h->alloc(&call, 8, 0));
    cr_assert_null(h->alloc(&call, 8, 24), "not a power of two");
    cr_assert_null(h->alloc(&call, 2 << 20, 1), "past the limit of the call");
    cr_assert_null(h->alloc(&call, SIZE_MAX, 8));
    cr_assert_null(h->alloc(&call, SIZE_MAX - 4, 64));
    cr_assert_not(keep.full, "a refused allocation is no failure of the call");
    end();
}

Test(host, tells_two_clocks)
{
    begin();
    int64_t before = h->now_ms(h->self);
    cr_assert_geq(h->now_ms(h->self), before);
    cr_assert_gt(h->unix_ms(h->self), INT64_C(1700000000000));
    h->log(h->self, GW_LOG_DEBUG, GW_LIT("nothing to see"));
    end();
}

Test(host, copies_explanations_and_keeps_the_last)
{
    char text[] = "first";
    begin();
    h->explain(&call, str(text));
    text[0] = 'w';
    cr_assert(text_is(call.explain, "first"));
    h->explain(&call, GW_LIT("second"));
    cr_assert(text_is(call.explain, "second"));
    h->explain(&call, (gw_str){ NULL, 0 });
    cr_assert_eq(call.explain.len, 0u);

    static char large[100000];
    memset(large, 'x', sizeof large);
    h->explain(&call, (gw_str){ large, sizeof large });
    cr_assert_eq(call.explain.len, 1024u);
    end();
}

Test(host, lists_what_was_dropped_once_and_in_order)
{
    begin();
    h->dropped(&call, GW_LIT("logit_bias"), GW_LIT("not known there"));
    h->dropped(&call, GW_LIT("seed"), GW_LIT("neither"));
    h->dropped(&call, GW_LIT("logit_bias"), GW_LIT("again"));
    cr_assert(text_is(call.dropped->member, "logit_bias"));
    cr_assert(text_is(call.dropped->why, "not known there"));
    cr_assert(text_is(call.dropped->next->member, "seed"));
    cr_assert_null(call.dropped->next->next);
    for (char name[] = "aa"; name[1] <= 'z'; name[0] == 'z' ? (name[0] = 'a', name[1]++) : name[0]++)
        h->dropped(&call, str(name), GW_LIT("x"));
    unsigned count = 0;
    for (const struct call_dropped *d = call.dropped; d != NULL; d = d->next)
        count++;
    cr_assert_eq(count, 64u, "there is an end to it");
    end();
}

static struct text header(void *owner, struct text name)
{
    cr_assert_eq(owner, &keep);
    return text_eq_nocase(name, TEXT("x-not")) || text_is(name, "other") ? TEXT_NONE : TEXT("yes");
}

Test(host, lends_headers_but_no_credential)
{
    begin();
    cr_assert_null(h->client_header(&call, GW_LIT("x-there")).ptr, "nobody to ask");
    cr_assert_null(h->answer_header(&call, GW_LIT("x-there")).ptr);
    cr_assert_eq(h->client_header(&call, GW_LIT("x-there")).len, 0u);
    cr_assert_eq(h->answer_header(&call, GW_LIT("x-there")).len, 0u);
    call_give(&call, &(struct call_headers){ header, header, header });
    cr_assert(text_is(call_text(h->client_header(&call, GW_LIT("X-There"))), "yes"));
    cr_assert(text_is(call_text(h->answer_header(&call, GW_LIT("X-There"))), "yes"));
    cr_assert_null(h->client_header(&call, GW_LIT("x-not")).ptr);
    static const char *const credentials[] = {
        "Authorization",  "Proxy-Authorization", "Cookie", "api-key", "X-Api-Key",
        "x-goog-api-key", "x-amz-security-token"
    };
    for (size_t i = 0; i < sizeof credentials / sizeof *credentials; i++) {
        cr_assert_null(h->client_header(&call, str(credentials[i])).ptr, "%s is for the gateway", credentials[i]);
        cr_assert_not_null(h->answer_header(&call, str(credentials[i])).ptr);
    }
    end();
}

Test(host, lends_a_secret_by_its_name)
{
    begin();
    cr_assert_null(h->secret(&call, GW_LIT("x-there")).ptr, "nobody to ask");
    cr_assert_eq(h->secret(&call, GW_LIT("x-there")).len, 0u);
    call_give(&call, &(struct call_headers){ header, header, header });
    cr_assert(text_is(call_text(h->secret(&call, GW_LIT("x-there"))), "yes"));
    cr_assert_null(h->secret(&call, GW_LIT("other")).ptr);
    end();
}

/* RFC 4231, cases 1, 2 and 6 (a key longer than a block); FIPS 180-4, "abc". */
Test(host, digests_are_those_of_their_standards)
{
    static const struct {
        const char *key, *data;
        size_t key_len;
        uint8_t first[4];
    } cases[] = {
        { "\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b",
          "Hi There",
          20,
          { 0xb0, 0x34, 0x4c, 0x61 } },
        { "Jefe", "what do ya want for nothing?", 4, { 0x5b, 0xdc, 0xc1, 0x46 } },
    };
    uint8_t digest[32], key[131];
    begin();
    for (size_t i = 0; i < 2; i++) {
        h->hmac_sha256((gw_str){ cases[i].key, cases[i].key_len }, (gw_str){ cases[i].data, strlen(cases[i].data) },
                       digest);
        cr_assert_eq(memcmp(digest, cases[i].first, 4), 0, "case %zu", i);
    }
    memset(key, 0xaa, sizeof key);
    h->hmac_sha256((gw_str){ (char *)key, sizeof key },
                   GW_LIT("Test Using Larger Than Block-Size Key - Hash Key First"), digest);
    cr_assert_eq(memcmp(digest, "\x60\xe4\x31\x59", 4), 0);
    h->sha256(GW_LIT("abc"), digest);
    cr_assert_eq(memcmp(digest, "\xba\x78\x16\xbf", 4), 0);
    end();
}

Test(host, a_request_may_ask_for_another_framing_of_a_stream)
{
    for (uint32_t kind = GW_FRAMING_WHOLE; kind <= GW_FRAMING_RAW + 1; kind++) {
        struct gw_http request;
        begin();
        call_http_init(&request, &call, 100);
        h->http_framing(&request, kind);
        bool is_stream = kind != GW_FRAMING_WHOLE && kind <= GW_FRAMING_RAW;
        cr_assert_eq(request.failed, !is_stream);
        cr_assert_eq(request.framing, is_stream ? kind : 0);
        call_http_fini(&request);
        end();
    }
}

Test(host, writes_json_into_memory_of_the_step)
{
    begin();
    gw_writer *a = h->writer(&call), *b = h->writer(&call);
    h->write->array(a);
    h->write->integer(a, 1);
    h->write->object(b);
    h->write->key(b, GW_LIT("k"));
    h->write->real(b, 0.5);
    h->write->close(b);
    cr_assert_eq(h->write->end(b), GW_OK);
    h->write->raw(a, h->write->text(b));
    h->write->close(a);
    cr_assert_eq(h->write->end(a), GW_OK);
    cr_assert(text_is(call_text(h->write->text(a)), "[1,{\"k\":0.5}]"));
    end();
}

Test(host, appends_to_a_buffer_up_to_its_maximum)
{
    struct gw_buf buf = { .failed = false };
    begin();
    buf_init(&buf.bytes, 4);
    h->buf_append(&buf, GW_LIT("abc"));
    cr_assert_not(buf.failed);
    h->buf_append(&buf, GW_LIT("de"));
    cr_assert(buf.failed);
    h->buf_append(&buf, GW_LIT("d"));
    cr_assert(text_is(buf_view(&buf.bytes), "abc"), "nothing after a failure");
    buf_free(&buf.bytes);
    end();
}

Test(host, takes_urls_that_can_be_sent_to)
{
    static const struct {
        const char *url;
        bool good;
    } rows[] = {
        { "https://api.example.com/v1/chat?x=1", true },
        { "http://127.0.0.1:8080", true },
        { "HTTP://[::1]:80/", true },
        { "http://x/%20@y", true },
        { "", false },
        { "/v1/chat", false },
        { "ftp://x/", false },
        { "file:///etc/passwd", false },
        { "https://", false },
        { "https:///v1", false },
        { "https://:80/", false },
        { "https://user:secret@x/", false },
        { "https://x@y", false },
        { "https://x/#part", false },
        { "https://x/a b", false },
        { "https://x/\r\nHost: y", false },
        { "https://x/\xc3\xbc", false },
        { "https://x\\y/", false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin();
        h->http_url(&http, str(rows[i].url));
        cr_assert_eq(!http.failed, rows[i].good, "%s", rows[i].url);
        cr_assert_eq(call.explain.len == 0, rows[i].good);
        cr_assert_null(text_find(call.explain, TEXT("secret")) >= 0 ? "the secret" : NULL);
        end();
    }
    begin();
    h->http_url(&http, (gw_str){ "http://x/\0y", 11 });
    cr_assert(http.failed, "NUL");
    end();
}

Test(host, takes_headers_that_stay_in_their_line)
{
    static const struct {
        const char *name, *value;
        bool good;
    } rows[] = {
        { "X-A", "b", true },
        { "x-a", "", true },
        { "x-a", "tab\tand \xc3\xbc", true },
        { "", "b", false },
        { "x a", "b", false },
        { "x:a", "b", false },
        { "x\xc3\xbc", "b", false },
        { "x-a", "b\nc", false },
        { "x-a", "b\r", false },
        { "x-a", "b\x01", false },
        { "x-a", "b\x7f", false },
        { "Content-Length", "3", false },
        { "transfer-encoding", "chunked", false },
        { "Host", "y", false },
        { "Connection", "close", false },
        { "Expect", "100-continue", false },
        { "Keep-Alive", "a", false },
        { "TE", "trailers", false },
        { "Trailer", "x", false },
        { "Upgrade", "h2c", false },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin();
        h->http_header(&http, str(rows[i].name), str(rows[i].value));
        cr_assert_eq(!http.failed, rows[i].good, "%s: %s", rows[i].name, rows[i].value);
        cr_assert_eq(http.header_count, rows[i].good ? 1u : 0u);
        end();
    }
    begin();
    h->http_header(&http, GW_LIT("x-a"), (gw_str){ "b\0c", 3 });
    cr_assert(http.failed, "NUL");
    end();
}

Test(host, keeps_many_headers_and_not_too_many)
{
    char value[16];
    begin();
    for (int i = 0; i < 100; i++) {
        value[0] = (char)('a' + i % 26);
        h->http_header(&http, GW_LIT("X-N"), (gw_str){ value, 1 });
    }
    value[0] = '?';
    cr_assert_not(http.failed);
    cr_assert_eq(http.header_count, 100u);
    cr_assert(text_is(http.headers[27].value, "b"), "copied, in order");
    h->http_header(&http, GW_LIT("X-N"), GW_LIT("one more"));
    cr_assert(http.failed);
    end();
}

Test(host, takes_methods_that_are_tokens)
{
    begin();
    h->http_method(&http, GW_LIT("GET"));
    cr_assert(text_is(http.method, "GET"));
    h->http_method(&http, GW_LIT("GET / HTTP/1.1\r\n"));
    cr_assert(http.failed);
    cr_assert(text_is(http.method, "GET"));
    end();
}

Test(host, tells_the_first_of_several_mistakes)
{
    begin();
    h->http_url(&http, GW_LIT("nonsense"));
    h->http_header(&http, GW_LIT("a b"), GW_LIT("c"));
    cr_assert_geq(text_find(call.explain, TEXT("URL")), 0);
    end();
}

/* What one call of log() writes on stderr. */
static const char *logged(const gw_host *table, uint32_t level)
{
    static char line[200];
    int fds[2], before = dup(STDERR_FILENO);
    cr_assert_eq(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
    dup2(fds[1], STDERR_FILENO);
    table->log(table->self, level, GW_LIT("hello %s"));
    dup2(before, STDERR_FILENO);
    close(before);
    ssize_t len = read(fds[0], line, sizeof line - 1);
    line[len > 0 ? len : 0] = '\0';
    close(fds[0]);
    close(fds[1]);
    return line;
}

Test(host, names_the_plugin_in_its_log)
{
    gw_host named;
    call_host_init(&named, "mine");
    cr_assert_str_eq((const char *)named.self, "mine");
    cr_assert_eq(named.size, sizeof named);
    log_set_level(LOG_DEBUG);
    cr_assert_str_eq(logged(&named, GW_LOG_ERROR), "llm-gateway: error: mine: hello %s\n");
    cr_assert_str_eq(logged(&named, GW_LOG_WARN), "llm-gateway: warning: mine: hello %s\n");
    cr_assert_str_eq(logged(&named, GW_LOG_INFO), "llm-gateway: info: mine: hello %s\n");
    cr_assert_str_eq(logged(&named, GW_LOG_DEBUG), "llm-gateway: debug: mine: hello %s\n");
    cr_assert_str_eq(logged(&named, GW_LOG_DEBUG + 1), "llm-gateway: debug: mine: hello %s\n");
    cr_assert_str_eq(logged(call_host(), GW_LOG_WARN), "llm-gateway: warning: plugin: hello %s\n");
    log_set_level(LOG_INFO);
    cr_assert_str_eq(logged(&named, GW_LOG_DEBUG), "");
}
