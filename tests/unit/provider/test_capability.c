/* test_capability.c - the capability tables of the openai, azure and demo providers are true: every row is sound
 * and can be reached, what it states holds for a request that has the field, and nothing is lost that stands in no
 * row. */
#include <string.h>

#include "../../../plugins/openai/openai.h"
#include "capability_samples.h"
#include "check.h"
#include "replay.h"

enum { ROWS_MOST = 128 };

static struct replay r;

/* Names that meet each condition on a model's name. */
static const char *const models[] = {
    "gpt-4o",
    "gpt-35-turbo",
    "chatgpt-4o-latest",
    "gpt-5",
    "gpt-5.1",
    "gpt-5.4-mini",
    "gpt-5.6",
    "gpt-4o-search-preview",
    "kimi-k2.5",
    "kimi-k2.7-code",
    "kimi-k3",
    "moonshot-v1-8k",
    "gemini-3-flash-preview",
    "gpt-6",
    "o3",
    "ft:gpt-4o:mine",
    "gpt-5-chat-latest",
    "gpt-5.2",
    "my-deployment",
    "grok-4",
    "grok-4-fast-non-reasoning",
    "grok-3",
    "qwen/qwen3-32b",
    "openai/gpt-oss-20b",
    NULL,
};

/* The table of one service for one model. */
struct table {
    const char *service, *model;
    const gw_capability *rows[ROWS_MOST];
    size_t count;
};

static void begin(const char *service)
{
    char settings[64];
    snprintf(settings, sizeof settings, "{\"service\":\"%s\"}", service);
    replay_begin(&r, gw_plugin_entry_openai(), settings);
}

static const gw_capability *row_at(const char *model, const char *base_url, uint32_t index)
{
    gw_request req = { .size = sizeof req,
                       .operation = GW_OP_CHAT,
                       .dialect = GW_DIALECT_CHAT,
                       .model = call_str(text_of(model)),
                       .base_url = call_str(text_of(base_url)) };
    return r.ops->capability(r.instance, &req, index);
}

static struct table table_of(const char *service, const char *model)
{
    struct table t = { .service = service, .model = model };
    const gw_capability *row;
    while ((row = row_at(model, "http://x", (uint32_t)t.count)) != NULL) {
        t.rows[t.count++] = row;
        cr_assert_lt(t.count, ROWS_MOST, "%s has too many rows", service);
    }
    return t;
}

/* Calls `check` for each service and model, with an instance of it open. */
static void for_each_table(void (*check)(const struct table *t))
{
    for (size_t s = 0; openai_services[s] != NULL; s++) {
        const char *service = openai_services[s]->preset.name;
        begin(service);
        for (size_t m = 0; models[m] != NULL; m++) {
            const struct table t = table_of(service, models[m]);
            check(&t);
        }
        replay_end(&r);
    }
}

static bool same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* A request, written into `body`, which is the answer too. False: it was refused. */
static bool build(const char *model, const char *json, uint32_t operation, uint32_t dialect, const char *path,
                  struct buf *body)
{
    static struct gw_http http;
    replay_again(&r);
    gw_request req = { .size = sizeof req,
                       .operation = operation,
                       .dialect = dialect,
                       .stream = json != NULL && strstr(json, "\"stream\":true") != NULL,
                       .model = call_str(text_of(model)),
                       .base_url = GW_LIT("http://x"),
                       .path = call_str(text_of(path)),
                       .body = json != NULL ? call_json(json_parse(&r.keep, text_of(json), NULL)) : NULL };
    cr_assert((json == NULL) == (req.body == NULL), "%s", json);
    call_http_init(&http, &r.call, 1 << 20);
    gw_status status = r.ops->build(r.instance, &r.call, &req, &http);
    cr_assert(status == GW_OK || status == GW_E_REQUEST);
    buf_truncate(body, 0);
    buf_text(body, buf_view(&http.body));
    call_http_fini(&http);
    return status == GW_OK;
}

/* "{"model":M, and the rest" is what a request becomes where all of it is carried. */
static void write_request(struct buf *out, const char *model, const char *members, const char *message,
                          const char *head, const char *part)
{
    buf_truncate(out, 0);
    buf_printf(out, "{\"model\":\"%s\",\"messages\":[%s%s{\"role\":\"user\",\"content\":", model, head,
               head[0] != '\0' ? "," : "");
    if (part[0] != '\0')
        buf_printf(out, "[{\"type\":\"text\",\"text\":\"a\"},%s]", part);
    else
        buf_str(out, "\"a\"");
    buf_printf(out, "}%s%s]%s%s}", message[0] != '\0' ? "," : "", message, members[0] != '\0' ? "," : "", members);
}

/* A buffer as a string; ends at the next write. */
static const char *string_of(struct buf *buf)
{
    static char text[16384];
    cr_assert_lt(buf->len, sizeof text);
    snprintf(text, sizeof text, "%.*s", TEXT_ARG(buf_view(buf)));
    return text;
}

/* What became of a sample. */
struct outcome {
    bool refused, changed;
};

/* Is the last message the assistant's? Then the user speaks behind it, but where that is what the sample is about. */
static bool ends_open(const struct sample *s)
{
    const char *last = s->kind == MESSAGE ? s->json : NULL;
    for (const char *next = last; next != NULL; next = strstr(last + 1, "{\"role\":"))
        last = next;
    return last != NULL && strstr(last, "{\"role\":\"assistant\"") == last && !same(s->field, "messages.prefill");
}

static struct outcome try_sample(const char *model, const struct sample *s)
{
    struct outcome o;
    struct buf in, out;
    char message[1024];
    buf_init(&in, 1 << 20);
    buf_init(&out, 1 << 20);
    snprintf(message, sizeof message, "%s%s", s->kind == MESSAGE ? s->json : "",
             ends_open(s) ? ",{\"role\":\"user\",\"content\":\"z\"}" : "");
    if (s->kind == API) {
        o.refused = !build(model, NULL, s->operation, s->dialect, s->json, &out);
        o.changed = false;
    } else {
        write_request(&in, model, s->kind == MEMBER ? s->json : "", message, s->kind == HEAD ? s->json : "",
                      s->kind == PART ? s->json : "");
        o.refused = !build(model, string_of(&in), GW_OP_CHAT, GW_DIALECT_CHAT, NULL, &out);
        o.changed = !text_eq(buf_view(&in), buf_view(&out));
    }
    buf_free(&in);
    buf_free(&out);
    return o;
}

static bool is_dropped_alone(const gw_capability *row)
{
    const struct call_dropped *d = r.call.dropped;
    return d != NULL && d->next == NULL && text_is(d->member, row->field) && text_is(d->why, row->why);
}

/* The first sample at or after `from` for a row, as capability_samples.h defines; the list's end where there is none.
 */
static size_t sample_for(const gw_capability *row, size_t from)
{
    const char *when = NULL;
    for (size_t i = 0; samples[i].field != NULL; i++)
        if (same(samples[i].field, row->field) && same(samples[i].when, row->when))
            when = row->when;
    while (samples[from].field != NULL && !(same(samples[from].field, row->field) && same(samples[from].when, when)))
        from++;
    return from;
}

static void check_truth(const struct table *t)
{
    for (size_t i = 0; i < t->count; i++) {
        const gw_capability *row = t->rows[i];
        size_t tried = 0, changed = 0;
        for (size_t s = sample_for(row, 0); samples[s].field != NULL; s = sample_for(row, s + 1), tried++) {
            struct outcome o = try_sample(t->model, &samples[s]);
            const char *named = samples[s].json != NULL ? samples[s].json : "";
            cr_assert(o.refused == (row->how == GW_FIELD_REFUSED), "%s %s: %s %s", t->service, t->model, row->field,
                      named);
            if (row->how == GW_FIELD_REFUSED)
                cr_assert(text_is(r.call.explain, row->why), "%s %s: %.*s", t->service, row->field,
                          TEXT_ARG(r.call.explain));
            else if (row->how == GW_FIELD_DROPPED)
                cr_assert(is_dropped_alone(row), "%s %s: %s %s", t->service, t->model, row->field, named);
            else
                cr_assert_null(r.call.dropped, "%s %s: %s %s", t->service, t->model, row->field, named);
            changed += o.changed;
        }
        cr_assert_gt(tried, 0u, "there is no sample of %s", row->field);
        if (row->how == GW_FIELD_TRANSLATED)
            cr_assert_gt(changed, 0u, "%s %s: %s is carried", t->service, t->model, row->field);
        if (row->how == GW_FIELD_CARRIED)
            cr_assert_eq(changed, 0u, "%s %s: %s is not carried", t->service, t->model, row->field);
    }
}

Test(capability, every_row_comes_true)
{
    for_each_table(check_truth);
}

/* The row that stands for what happened; NULL: none. */
static const gw_capability *row_of(const struct table *t, uint32_t how, const char *field, struct text why)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->rows[i]->how == how && (field == NULL || same(t->rows[i]->field, field)) &&
            text_is(why, t->rows[i]->why))
            return t->rows[i];
    return NULL;
}

/* Is the field refused, or what it is within? */
static bool is_refused(const struct table *t, const char *field)
{
    for (size_t i = 0; i < t->count; i++) {
        size_t len = strlen(t->rows[i]->field);
        if (t->rows[i]->how == GW_FIELD_REFUSED && strncmp(t->rows[i]->field, field, len) == 0 &&
            (field[len] == '\0' || field[len] == '.'))
            return true;
    }
    return false;
}

/* All samples at once, each member once; those that are refused too, or without. */
static void write_everything(const struct table *t, bool with_refused, struct buf *out)
{
    char members[8192] = "", messages[8192] = "", heads[8192] = "", parts[8192] = "", name[64];
    for (size_t i = 0; samples[i].field != NULL; i++) {
        const struct sample *s = &samples[i];
        char *list = s->kind == MEMBER ? members : s->kind == MESSAGE ? messages : s->kind == HEAD ? heads : parts;
        if (s->kind == API || s->when != NULL || (!with_refused && is_refused(t, s->field)))
            continue;
        snprintf(name, sizeof name, "%.*s:", (int)strcspn(s->json, ":"), s->json);
        if (s->kind == MEMBER && strstr(members, name) != NULL)
            continue;
        snprintf(list + strlen(list), 8192 - strlen(list), "%s%s", list[0] != '\0' ? "," : "", s->json);
    }
    write_request(out, t->model, members, messages, heads, parts);
}

static void check_everything(const struct table *t)
{
    struct buf in, out;
    buf_init(&in, 1 << 20);
    buf_init(&out, 1 << 20);
    for (int with_refused = 0; with_refused < 2; with_refused++) {
        write_everything(t, with_refused != 0, &in);
        bool built = build(t->model, string_of(&in), GW_OP_CHAT, GW_DIALECT_CHAT, NULL, &out);
        cr_assert(built || with_refused != 0, "%s %s: %.*s", t->service, t->model, TEXT_ARG(r.call.explain));
        cr_assert(built || row_of(t, GW_FIELD_REFUSED, NULL, r.call.explain) != NULL, "%s %s: %.*s", t->service,
                  t->model, TEXT_ARG(r.call.explain));
        for (const struct call_dropped *d = r.call.dropped; d != NULL; d = d->next) {
            char field[64];
            snprintf(field, sizeof field, "%.*s", TEXT_ARG(d->member));
            cr_assert_not_null(row_of(t, GW_FIELD_DROPPED, field, d->why), "%s %s: %s", t->service, t->model, field);
        }
    }
    buf_free(&in);
    buf_free(&out);
}

Test(capability, nothing_is_lost_that_stands_in_no_row)
{
    for_each_table(check_everything);
}

static void check_sound(const struct table *t)
{
    for (size_t i = 0; i < t->count; i++) {
        const gw_capability *row = t->rows[i];
        bool lost = row->how == GW_FIELD_DROPPED || row->how == GW_FIELD_REFUSED;
        cr_assert_eq(row->size, sizeof *row);
        cr_assert(row->how >= GW_FIELD_CARRIED && row->how <= GW_FIELD_REFUSED, "%s %s", t->service, row->field);
        cr_assert((row->as != NULL) == (row->how == GW_FIELD_TRANSLATED), "%s %s", t->service, row->field);
        cr_assert((row->why != NULL) == lost, "%s %s", t->service, row->field);
        for (size_t k = 0; k < i; k++)
            cr_assert(!same(row->field, t->rows[k]->field) || !same(row->when, t->rows[k]->when), "%s %s: %s twice",
                      t->service, t->model, row->field);
    }
    cr_assert_gt(t->count, 4u);
}

Test(capability, every_row_is_sound)
{
    for_each_table(check_sound);
}

/* The rows that are reported for any service and model, each once. */
static const gw_capability *told[2000];
static size_t told_count;

static bool is_told(const gw_capability *row)
{
    size_t i = 0;
    while (i < told_count && told[i] != row)
        i++;
    return i < told_count;
}

static void note_told(const struct table *t)
{
    for (size_t i = 0; i < t->count; i++) {
        if (is_told(t->rows[i]))
            continue;
        cr_assert_lt(told_count, sizeof told / sizeof *told);
        told[told_count++] = t->rows[i];
    }
}

Test(capability, every_row_can_be_reached)
{
    size_t count = 0;
    for_each_table(note_told);
    for (size_t s = 0; openai_services[s] != NULL; s++)
        for (size_t t = 0; t < OPENAI_TABLES && openai_services[s]->tables[t] != NULL; t++)
            for (const struct openai_rule *rule = openai_services[s]->tables[t]; rule->row.field != NULL; rule++) {
                cr_assert_not_null(rule->source, "%s: %s", openai_services[s]->preset.name, rule->row.field);
                cr_assert(is_told(&rule->row), "%s: %s", openai_services[s]->preset.name, rule->row.field);
                count++;
            }
    cr_assert_gt(count, 200u);
}

/* For one field: the same rows by the index as by going through the tables. */
static void expect_same(const struct openai_service *service, const struct openai_asked *asked, gw_str field)
{
    struct openai_asked plain = *asked;
    plain.index = NULL;
    cr_assert_eq(openai_rule(service, asked, field), openai_rule(service, &plain, field), "%s %.*s",
                 service->preset.name, (int)field.len, field.ptr);
    for (enum openai_when on = OPENAI_LEVEL; on <= OPENAI_UNREASONED_CALL; on++)
        for (size_t i = 0; i < 2; i++) {
            gw_str level = i == 0 ? GW_LIT("minimal") : GW_LIT("max");
            cr_assert_eq(openai_change(service, asked, field, on, level),
                         openai_change(service, &plain, field, on, level), "%s %.*s %d", service->preset.name,
                         (int)field.len, field.ptr, (int)on);
        }
}

Test(capability, the_index_finds_what_the_tables_say)
{
    for (size_t s = 0; openai_services[s] != NULL; s++) {
        const struct openai_service *service = openai_services[s];
        begin(service->preset.name);
        for (size_t m = 0; models[m] != NULL; m++)
            for (unsigned bits = 0; bits < 16; bits++) {
                gw_str model = call_str(text_of(models[m]));
                struct openai_asked asked = { .model = model,
                                              .family = openai_family(model),
                                              .thinks = (bits & 1) != 0,
                                              .tools = (bits & 2) != 0,
                                              .forced = (bits & 4) != 0,
                                              .unused = (bits & 8) != 0 };
                asked.index = openai_index(call_host(), &r.call, service, &asked);
                cr_assert_not_null(asked.index);
                expect_same(service, &asked, GW_LIT(""));
                expect_same(service, &asked, GW_LIT("messages.nobody_knows_it"));
                for (size_t t = 0; t < OPENAI_TABLES && service->tables[t] != NULL; t++)
                    for (const struct openai_rule *rule = service->tables[t]; rule->row.field != NULL; rule++)
                        expect_same(service, &asked, openai_lit(rule->row.field));
                replay_again(&r);
            }
        replay_end(&r);
    }
}
