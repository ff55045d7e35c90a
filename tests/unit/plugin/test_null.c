/* test_null.c - a plugin that hands in NULL for a handle, or a record of a wrong size: named, and nothing breaks. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "plugin/call.h"
#include "plugin/plugin.h"

static struct arena keep, scratch;
static struct gw_call call;
static const gw_host *h;

static void begin(void)
{
    h = call_host();
    arena_init(&keep, NULL, 0, 1 << 20);
    arena_init(&scratch, NULL, 0, 1 << 16);
    call_begin(&call, &keep, &scratch, NULL);
}

static void end(void)
{
    arena_fini(&scratch);
    arena_fini(&keep);
}

/* Each function that takes a handle, by its number. False: there is no such number. */
static bool give_null(unsigned n)
{
    const gw_json *out;
    gw_str s = GW_LIT("x");

    switch (n) {
    case 0:
        h->alloc(NULL, 8, 8);
        break;
    case 1:
        h->set_state(NULL, &call);
        break;
    case 2:
        h->state(NULL);
        break;
    case 3:
        h->explain(NULL, s);
        break;
    case 4:
        h->dropped(NULL, s, s);
        break;
    case 5:
        h->client_header(NULL, s);
        break;
    case 6:
        h->answer_header(NULL, s);
        break;
    case 7:
        h->writer(NULL);
        break;
    case 8:
        h->buf_append(NULL, s);
        break;
    case 9:
        h->http_method(NULL, s);
        break;
    case 10:
        h->http_url(NULL, s);
        break;
    case 11:
        h->http_header(NULL, s, s);
        break;
    case 12:
        h->http_json_body(NULL);
        break;
    case 13:
        h->json->parse(NULL, s, &out);
        break;
    case 14:
        h->write->object(NULL);
        break;
    case 15:
        h->write->array(NULL);
        break;
    case 16:
        h->write->close(NULL);
        break;
    case 17:
        h->write->key(NULL, s);
        break;
    case 18:
        h->write->str(NULL, s);
        break;
    case 19:
        h->write->integer(NULL, 1);
        break;
    case 20:
        h->write->real(NULL, 1);
        break;
    case 21:
        h->write->boolean(NULL, 1);
        break;
    case 22:
        h->write->null(NULL);
        break;
    case 23:
        h->write->copy(NULL, NULL);
        break;
    case 24:
        h->write->raw(NULL, s);
        break;
    case 25:
        h->write->end(NULL);
        break;
    case 26:
        h->write->text(NULL);
        break; /* nothing is lost by it */
    default:
        return false;
    }
    return true;
}

Test(null, as_a_handle_is_a_refused_step_that_names_the_function)
{
    static const char *const names[] = { "host->alloc()",          "host->set_state()", "host->state()",
                                         "host->explain()",        "host->dropped()",   "host->client_header()",
                                         "host->answer_header()",  "host->writer()",    "host->buf_append()",
                                         "host->http_method()",    "host->http_url()",  "host->http_header()",
                                         "host->http_json_body()", "json->parse()" };
    const unsigned count = sizeof names / sizeof *names;
    char text[80];
    for (unsigned n = 0; n <= 25; n++) {
        begin();
        call_step_begin(&call);
        cr_assert_eq(call_status(&call, GW_OK), GW_OK);
        cr_assert(give_null(n));
        cr_assert_eq(call_status(&call, GW_OK), GW_E_REJECT, "%u", n);
        snprintf(text, sizeof text, "it gives %s NULL where a handle must be",
                 n < count ? names[n] : "a function of host->write");
        cr_assert(text_is(call.explain, text), "%s: %.*s", text, TEXT_ARG(call.explain));
        call_step_end(&call);
        end();
    }
}

Test(null, outside_of_a_step_does_nothing)
{
    begin();
    for (unsigned n = 0; give_null(n); n++)
        cr_assert_null(call.misused);
    call_step_begin(&call);
    cr_assert_eq(call_status(&call, GW_MISS), GW_MISS);
    call_step_end(&call);
    cr_assert_null(h->alloc(NULL, 8, 8));
    h->write->str(NULL, (gw_str)GW_LIT("x"));
    cr_assert_neq(h->write->end(NULL), GW_OK, "nothing was written");
    cr_assert_null(call.misused);
    end();
}

/* ---- a plugin with a capability table ---- */

static gw_capability row;

static gw_status null_open(const gw_host *host, gw_call *c, const gw_json *config, void **instance)
{
    (void)c, (void)config, (void)instance;
    return host->alloc(NULL, 1, 1) != NULL ? GW_OK : GW_E_REJECT;
}
static void null_close(void *instance)
{
    (void)instance;
}
static gw_status null_build(void *i, gw_call *c, const gw_request *r, gw_http *o)
{
    (void)i, (void)c, (void)r, (void)o;
    return GW_OK;
}
static gw_status null_read(void *i, gw_call *c, const gw_frame *f, gw_emit e)
{
    (void)i, (void)c, (void)f, (void)e;
    return GW_OK;
}
static const gw_capability *null_capability(void *instance, const gw_request *req, uint32_t index)
{
    (void)instance, (void)req;
    return index == 0 ? &row : NULL;
}

static const gw_provider_ops ops = { .size = sizeof ops,
                                     .operations = GW_OP_CHAT,
                                     .framing = GW_FRAMING_SSE,
                                     .open = null_open,
                                     .close = null_close,
                                     .build = null_build,
                                     .read = null_read,
                                     .capability = null_capability };
static const gw_plugin descriptor = { .abi_major = GW_ABI_MAJOR,
                                      .needs_minor = GW_ABI_MINOR,
                                      .size = sizeof descriptor,
                                      .kind = GW_KIND_PROVIDER,
                                      .name = "null",
                                      .version = "1",
                                      .license = "MIT",
                                      .ops = &ops };

Test(null, in_open_is_a_refusal_with_the_name)
{
    struct fail fail;
    void *instance;
    const struct plugin *p = plugin_adopt(&descriptor, "(built in)", &fail);

    cr_assert_not_null(p, "%s", fail.text);
    cr_assert_eq(plugin_open_provider(p, NULL, &instance, &fail), -1);
    cr_assert_not_null(strstr(fail.text, "the plugin null has a defect, in open(): it gives host->alloc() NULL"), "%s",
                       fail.text);
}

Test(null, rows_of_a_wrong_size_are_named_and_long_ones_are_cut)
{
    static const struct {
        gw_capability row;
        gw_str later;
    } longer = { .row = { .size = sizeof longer, .how = GW_FIELD_DROPPED, .field = "x", .why = "no" } };
    struct fail fail;
    gw_capability got;
    const struct plugin *p = plugin_adopt(&descriptor, "(built in)", &fail);

    row = (gw_capability){ .size = sizeof row, .how = GW_FIELD_CARRIED, .field = "x" };
    cr_assert_eq(plugin_capability(p, NULL, TEXT("m"), TEXT("u"), 0, &got, &fail), 1);
    cr_assert_eq(plugin_capability(p, NULL, TEXT("m"), TEXT("u"), 1, &got, &fail), 0);
    for (uint32_t size = 0; size < sizeof row; size += 4) {
        row.size = size;
        cr_assert_eq(plugin_capability(p, NULL, TEXT("m"), TEXT("u"), 0, &got, &fail), -1, "%u", size);
        cr_assert_not_null(
            strstr(fail.text, "the plugin null has a defect: row 0 of its capability table has the size"), "%s",
            fail.text);
    }
    row = (gw_capability){ .size = sizeof row, .how = GW_FIELD_CARRIED };
    cr_assert_eq(plugin_capability(p, NULL, TEXT("m"), TEXT("u"), 0, &got, &fail), -1);
    row = longer.row;
    cr_assert_eq(plugin_capability(p, NULL, TEXT("m"), TEXT("u"), 0, &got, &fail), 1);
    cr_assert_eq(got.size, sizeof got);
    cr_assert_str_eq(got.why, "no");
}
