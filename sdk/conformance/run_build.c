/* run_build.c - what build() must do with a request: the golden request, the same one twice, and nothing worse than
 * a refusal for members of the wrong type. */
#include <string.h>

#include "kit.h"

/* Value the request is given instead of a member's own. */
static const char *const wrong[] = { "null", "-1", "\"\"", "\"x\"", "true", "[]", "[null]", "[{}]", "{}", "1e300" };

static void put_request(struct buf *out, const struct gw_http *http)
{
    struct json_writer w;

    json_writer_init(&w, out);
    json_object(&w);
    json_name(&w, "method");
    json_put_str(&w, http->method);
    json_name(&w, "url");
    json_put_str(&w, http->url);
    json_name(&w, "headers");
    json_object(&w);
    for (size_t i = 0; i < http->header_count; i++) {
        json_key(&w, http->headers[i].name);
        json_put_str(&w, http->headers[i].value);
    }
    json_close(&w);
    if (http->writer != NULL) {
        json_name(&w, "body");
        json_put_raw(&w, buf_view(&http->body));
    }
    json_close(&w);
    json_end(&w);
}

static void put_dropped(struct buf *out, const struct gw_call *call)
{
    struct json_writer w;

    if (call->dropped == NULL)
        return;
    json_writer_init(&w, out);
    json_array(&w);
    for (const struct call_dropped *d = call->dropped; d != NULL; d = d->next)
        json_put_str(&w, d->member);
    json_close(&w);
    json_end(&w);
}

/* Is it a request that can be sent, and is it whole? */
static void check_http(struct session *s, const struct gw_http *http, const gw_request *request)
{
    struct fail fail;

    if (call_http_check(http, &fail) < 0)
        case_fail(s->of, "%s", fail.text);
    else if (request->body == NULL && http->writer != NULL)
        case_fail(s->of, "it writes the body of a relayed request, which is the gateway's");
    else if (request->body != NULL && http->writer == NULL && !text_is(http->method, "GET"))
        case_fail(s->of, "it writes no body");
}

/* Builds once: the request as JSON text in `out`. */
static void build(struct kit_case *c, const gw_request *request, struct buf *out, struct buf *dropped,
                  struct session *s)
{
    struct gw_http http;

    s->client_headers = json_member(json_member(c->json, "build"), "headers");
    gw_status status = session_build(s, request, &http);
    if (status == GW_OK) {
        check_http(s, &http, request);
        put_request(out, &http);
        put_dropped(dropped, &s->call);
        table_check(c, request, &s->call);
    }
    call_http_fini(&http);
}

static bool has_header(const struct json *headers, struct text name, struct text *value)
{
    for (size_t i = 0; i < json_count(headers); i++) {
        if (text_eq_nocase(json_key_at(headers, i), name)) {
            *value = json_str(json_at(headers, i));
            return true;
        }
    }
    return false;
}

static void compare_headers(struct kit_case *c, const struct json *got, const struct json *wanted)
{
    struct text value;

    for (size_t i = 0; i < json_count(wanted); i++) {
        struct text name = json_key_at(wanted, i), want = json_str(json_at(wanted, i));
        if (!has_header(got, name, &value))
            case_fail(c, "the header %.*s is missing", TEXT_ARG(name));
        else if (!text_eq(value, want))
            case_fail(c, "the header %.*s is '%.*s' and not '%.*s'", TEXT_ARG(name), TEXT_ARG(value), TEXT_ARG(want));
    }
    for (size_t i = 0; i < json_count(got); i++)
        if (!has_header(wanted, json_key_at(got, i), &value))
            case_fail(c, "the header %.*s should not be there", TEXT_ARG(json_key_at(got, i)));
}

static void compare(struct kit_case *c, struct text request, struct text dropped)
{
    const struct json *wanted = json_member(c->json, "request"), *got = json_parse(c->arena, request, NULL);

    if (wanted != NULL) {
        struct text method = json_str(json_member(wanted, "method")), url = json_str(json_member(wanted, "url"));
        if (!text_eq(method, json_str(json_member(got, "method"))) || !text_eq(url, json_str(json_member(got, "url"))))
            case_fail(c, "it asks for %.*s %.*s and not %.*s %.*s", TEXT_ARG(json_str(json_member(got, "method"))),
                      TEXT_ARG(json_str(json_member(got, "url"))), TEXT_ARG(method), TEXT_ARG(url));
        compare_headers(c, json_member(got, "headers"), json_member(wanted, "headers"));
        if (!case_same_json(json_member(got, "body"), json_member(wanted, "body")))
            case_fail(c, "the body is\n%.*s\nand not\n%.*s", TEXT_ARG(json_text(json_member(got, "body"))),
                      TEXT_ARG(json_text(json_member(wanted, "body"))));
    }
    const struct json *told = json_parse(c->arena, dropped.len > 0 ? dropped : TEXT("[]"), NULL);
    const struct json *expected = json_member(c->json, "dropped");
    if ((wanted != NULL || expected != NULL) &&
        !case_same_json(told, expected != NULL ? expected : json_parse(c->arena, TEXT("[]"), NULL)))
        case_fail(c, "dropped is %.*s and not %.*s", TEXT_ARG(json_text(told)),
                  TEXT_ARG(expected != NULL ? json_text(expected) : TEXT("[]")));
}

/* The request with `value` as the value of member `at`. */
static struct text replaced(struct kit_case *c, const struct json *body, size_t at, const char *value)
{
    struct buf out;
    struct json_writer w;

    buf_init(&out, 64 << 20);
    json_writer_init(&w, &out);
    json_object(&w);
    for (size_t i = 0; i < json_count(body); i++) {
        json_key(&w, json_key_at(body, i));
        if (i == at)
            json_put_raw(&w, text_of(value));
        else
            json_put_json(&w, json_at(body, i));
    }
    json_close(&w);
    json_end(&w);
    struct text text = arena_text(c->arena, buf_view(&out));
    buf_free(&out);
    return text;
}

static void survive(struct kit_case *c, const gw_request *request, struct text text, const char *how)
{
    struct session s;
    struct buf out, dropped;
    gw_request other = *request;

    buf_init(&out, 64 << 20);
    buf_init(&dropped, 1 << 20);
    session_begin(&s, c, true);
    other.body = call_json(json_parse(c->arena, text, NULL));
    build(c, &other, &out, &dropped, &s);
    if (s.status != GW_OK && s.status != GW_E_REQUEST && s.status != GW_E_NOMEM)
        case_fail(c, "build() answers %s", call_status_name(s.status));
    if (s.status == GW_E_REQUEST && s.call.explain.len == 0)
        case_fail(c, "it refuses a request without saying why");
    if (case_failed(c))
        fprintf(stderr, "%s, given %.*s\n", how, TEXT_ARG(text));
    session_end(&s, how);
    buf_free(&out);
    buf_free(&dropped);
}

static void check_wrong(struct kit_case *c, const gw_request *request)
{
    const struct json *body = json_member(json_member(c->json, "build"), "body");

    for (size_t i = 0; i < json_count(body); i++)
        for (size_t k = 0; k < sizeof wrong / sizeof *wrong && !case_failed(c); k++)
            survive(c, request, replaced(c, body, i, wrong[k]), "with a member of the wrong type");
    if (body != NULL && !case_failed(c))
        survive(c, request, TEXT("{}"), "empty");
}

void run_build(struct kit_case *c)
{
    struct session s;
    gw_request request;
    struct buf once, again, dropped;

    if (!case_request(c, json_member(c->json, "build"), &request))
        return;
    buf_init(&once, 64 << 20);
    buf_init(&again, 64 << 20);
    buf_init(&dropped, 1 << 20);
    session_begin(&s, c, false);
    build(c, &request, &once, &dropped, &s);
    run_compare_result(c, &s);
    c->status = s.status;
    bool ok = s.status == GW_OK;
    session_end(&s, "build");
    if (ok && !c->kit->write)
        compare(c, buf_view(&once), buf_view(&dropped));
    if (c->kit->write) {
        buf_text(&c->request, buf_view(&once));
        buf_text(&c->dropped, buf_view(&dropped));
    }
    buf_truncate(&dropped, 0);
    session_begin(&s, c, false);
    build(c, &request, &again, &dropped, &s);
    session_end(&s, "build again");
    if (!text_eq(buf_view(&once), buf_view(&again)))
        case_fail(c, "a second build() gives\n%.*s\nand not\n%.*s", TEXT_ARG(buf_view(&again)),
                  TEXT_ARG(buf_view(&once)));
    buf_free(&once);
    buf_free(&again);
    buf_free(&dropped);
    if (!case_failed(c) && !c->kit->write)
        check_wrong(c, &request);
}

void run_relayed(struct kit_case *c, uint32_t dialect)
{
    struct session s;
    struct gw_http http;
    gw_request request;

    case_request(c, NULL, &request);
    request.dialect = dialect;
    if (dialect == GW_DIALECT_EMBEDDINGS)
        request.operation = GW_OP_EMBEDDINGS;
    else if (dialect == GW_DIALECT_COMPLETIONS)
        request.operation = GW_OP_COMPLETIONS;
    session_begin(&s, c, false);
    gw_status status = session_build(&s, &request, &http);
    if (status != GW_OK)
        case_fail(c, "build() without a body says %s: %.*s", call_status_name(status), TEXT_ARG(s.call.explain));
    else
        check_http(&s, &http, &request);
    call_http_fini(&http);
    session_end(&s, "relayed");
}
