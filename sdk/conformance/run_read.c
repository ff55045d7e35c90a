/* run_read.c - what read() must do with an answer: the golden events, the same events wherever the stream is cut,
 * nothing worse than an error for what is truncated or damaged, and no call that disturbs another. */
#include <string.h>

#include "kit.h"

/* Bytes of an answer that is tried at every position, and how often a longer one is tried. */
enum { SMALL = 4096, CUTS = 200, TRUNCATIONS = 100, FLIPS = 300, FLIPS_LARGE = 60 };

void run_compare_events(struct kit_case *c, struct text lines, const char *how)
{
    const struct json *golden = json_member(c->json, "events");
    struct text file = json_str(json_member(c->json, "events_file"));
    struct text wanted = TEXT_NONE;

    if (c->kit->write || (golden == NULL && file.ptr == NULL))
        return;
    if (file.ptr != NULL) {
        wanted = case_read_file(c, c->arena, case_path(c, file).ptr);
    } else {
        struct buf joined;
        buf_init(&joined, 64 << 20);
        for (size_t i = 0; i < json_count(golden); i++) {
            buf_text(&joined, json_str(json_at(golden, i)));
            buf_str(&joined, "\n");
        }
        wanted = arena_text(c->arena, joined.len > 0 ? buf_view(&joined) : TEXT(""));
        buf_free(&joined);
    }
    if (wanted.ptr != NULL && !text_eq(lines, wanted))
        case_fail(c, "%s the events are\n%.*sand not\n%.*s", how, TEXT_ARG(lines), TEXT_ARG(wanted));
}

void run_compare_result(struct kit_case *c, const struct session *s)
{
    struct text golden = json_str(json_member(c->json, "result"));
    const char *got = call_status_name(s->status == GW_MISS ? GW_OK : s->status);

    if (c->kit->write)
        return;
    if (!text_is(golden.ptr != NULL ? golden : TEXT("ok"), got))
        case_fail(c, "the result is %s (%.*s) and not %.*s", got, TEXT_ARG(s->call.explain),
                  TEXT_ARG(golden.ptr != NULL ? golden : TEXT("ok")));
    if (s->status < 0 && s->call.explain.len == 0)
        case_fail(c, "the result is %s, and nothing explains it", got);
}

/* The events of one call, arena. */
static struct text lines_of(struct kit_case *c, const struct body *body, const size_t *cuts, size_t count,
                            bool every_byte)
{
    struct session s;
    session_begin(&s, c, false);
    body_read(&s, body, cuts, count, every_byte);
    struct text lines = arena_text(c->arena, s.lines.len > 0 ? buf_view(&s.lines) : TEXT(""));
    session_end(&s, every_byte ? "cut at every byte" : count > 0 ? "cut" : "uncut");
    return lines;
}

static void compare_cut(struct kit_case *c, const struct body *body, struct text whole, const size_t *cuts,
                        size_t count)
{
    struct session s;

    session_begin(&s, c, false);
    body_read(&s, body, cuts, count, count == 0);
    if (!text_eq(buf_view(&s.lines), whole)) {
        if (count == 0)
            case_fail(c, "cut at every byte the events are\n%.*sand not\n%.*s", TEXT_ARG(buf_view(&s.lines)),
                      TEXT_ARG(whole));
        else
            case_fail(c, "cut at %zu the events are\n%.*sand not\n%.*s", cuts[0], TEXT_ARG(buf_view(&s.lines)),
                      TEXT_ARG(whole));
    }
    session_end(&s, "cut");
}

/* Raw frames are what arrives, so their events may come in other pieces. */
static void check_cuts(struct kit_case *c, const struct body *body, struct text whole, uint64_t *seed)
{
    size_t len = body->bytes.len, cut[2];

    if (!body->stream || c->kit->plugin->provider.framing == GW_FRAMING_RAW)
        return;
    compare_cut(c, body, whole, NULL, 0);
    if (len <= SMALL) {
        for (cut[0] = 1; cut[0] < len && !case_failed(c); cut[0]++) {
            cut[1] = len;
            compare_cut(c, body, whole, cut, 2);
        }
        return;
    }
    for (unsigned i = 0; i < CUTS && !case_failed(c); i++) {
        cut[0] = 1 + kit_random(seed) % (len - 1);
        cut[1] = len;
        compare_cut(c, body, whole, cut, 2);
    }
}

/* Whatever the bytes are: it comes back, and its events are sound. */
static void survive(struct kit_case *c, const struct body *body, struct text bytes, const char *how)
{
    struct session s;
    struct body damaged = *body;

    damaged.bytes = bytes;
    session_begin(&s, c, true);
    body_read(&s, &damaged, NULL, 0, false);
    if (s.status != GW_OK && s.status != GW_E_PROTOCOL && s.status != GW_E_NOMEM)
        case_fail(c, "%s: read() answers %s", how, call_status_name(s.status));
    session_end(&s, how);
}

static void check_truncated(struct kit_case *c, const struct body *body, uint64_t *seed)
{
    char how[64];
    size_t len = body->bytes.len, count = len <= SMALL ? len : TRUNCATIONS;

    for (size_t i = 0; i < count && !case_failed(c); i++) {
        size_t at = len <= SMALL ? i : kit_random(seed) % len;
        snprintf(how, sizeof how, "truncated at %zu", at);
        survive(c, body, (struct text){ body->bytes.ptr, at }, how);
    }
}

static void check_flipped(struct kit_case *c, const struct body *body, uint64_t *seed)
{
    static const char telling[] = "\"{}[],:0-1e\\n";
    char how[96];
    size_t len = body->bytes.len, flips = len <= SMALL ? FLIPS : FLIPS_LARGE;

    char *bytes = arena_alloc(c->arena, len);
    for (size_t i = 0; i < flips && len > 0 && !case_failed(c); i++) {
        size_t at = 0;
        memcpy(bytes, body->bytes.ptr, len);
        for (uint32_t n = 1 + kit_random(seed) % 3; n > 0; n--) {
            at = kit_random(seed) % len;
            bytes[at] = telling[kit_random(seed) % (sizeof telling - 1)];
            if (kit_random(seed) % 4 == 0)
                bytes[at] = (char)(kit_random(seed) & 0xff);
        }
        snprintf(how, sizeof how, "damaged (number %zu, the last byte at %zu)", i, at);
        survive(c, body, (struct text){ bytes, len }, how);
    }
}

/* The first half of an answer. */
static struct body half_of(struct kit_case *c, const struct body *body)
{
    struct body half = *body;
    half.bytes =
        arena_text(c->arena, (struct text){ body->bytes.ptr, body->stream ? body->bytes.len / 2 : body->bytes.len });
    return half;
}

/* Two calls in turns, the second an answer that is cut in the middle. */
static void check_interleaved(struct kit_case *c, const struct body *body, struct text whole)
{
    struct session one, two;
    struct body half = half_of(c, body);
    struct body_frames *a = body_cut(c, body), *b = body_cut(c, &half);
    bool more = true;

    session_begin(&one, c, false);
    session_begin(&two, c, true);
    while (more) {
        more = body_next(&two, &half, b);
        more = body_next(&one, body, a) || more;
    }
    if (!text_eq(buf_view(&one.lines), whole))
        case_fail(c, "beside another call the events are\n%.*sand not\n%.*s: is an instance written to?",
                  TEXT_ARG(buf_view(&one.lines)), TEXT_ARG(whole));
    session_end(&two, "beside another call");
    session_end(&one, "beside another call");
}

void run_read(struct kit_case *c, const struct body *body)
{
    struct session s;
    uint64_t seed = 20240824;

    session_begin(&s, c, false);
    body_read(&s, body, NULL, 0, false);
    run_compare_result(c, &s);
    run_compare_events(c, buf_view(&s.lines), "uncut");
    if (s.status == GW_OK && body->status >= 400 && !s.check.has_error)
        case_fail(c, "status %u gives no error event", body->status);
    if (c->kit->write && c->json != NULL)
        buf_text(&c->golden, buf_view(&s.lines));
    c->status = s.status;
    bool readable = s.status == GW_OK;
    session_end(&s, "uncut");
    if (case_failed(c) || c->kit->write)
        return;
    struct text whole = lines_of(c, body, NULL, 0, false);
    if (readable) {
        check_cuts(c, body, whole, &seed);
        check_interleaved(c, body, whole);
    }
    check_truncated(c, body, &seed);
    check_flipped(c, body, &seed);
}

static const struct {
    uint32_t status;
    const char *body;
} errors[] = {
    { 400, "" },
    { 400, "{}" },
    { 401, "null" },
    { 403, "\"text\"" },
    { 404, "<html><body>404 Not Found</body></html>" },
    { 413, "[]" },
    { 422, "{\"error\":{}}" },
    { 429, "{\"error\":\"slow down\"}" },
    { 500, "upstream connect error" },
    { 502, "\xff\xfe\x00" },
    { 503, "{\"error\":{\"message\":[1],\"type\":7,\"code\":{}}}" },
    { 529, "{\"message\":\"overloaded\",\"type\":null,\"error\":null}" },
};

void run_errors(struct kit_case *c)
{
    struct session s;

    for (size_t i = 0; i < sizeof errors / sizeof *errors && !case_failed(c); i++) {
        struct body body = { .bytes = text_of(errors[i].body), .status = errors[i].status };
        session_begin(&s, c, true);
        body_read(&s, &body, NULL, 0, false);
        if (s.status != GW_OK || !s.check.has_error || s.check.count != 1)
            case_fail(c, "status %u with the body '%s' gives %s and %u events, not one error", errors[i].status,
                      errors[i].body, call_status_name(s.status), s.check.count);
        session_end(&s, "an error");
    }
}
