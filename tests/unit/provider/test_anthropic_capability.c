/* test_anthropic_capability.c - the capability table of the anthropic provider is sound, names what differs between
 * models, and is true: each row with dropped or refused is provoked by a chat of
 * tests/provider/anthropic/capability/rows.json on every model that has it, and nothing is dropped or refused there
 * that does not stand in a row of the model. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "../../../plugins/anthropic/anthropic.h"
#include "anthropic_case.h"
#include "check.h"

enum { ROWS_MOST = 300, CHATS_MOST = 200 };

/* At least one for each row of plugins/anthropic/models.c. */
static const char *const models[] = {
    "claude-3-haiku-20240307",
    "claude-3-5-sonnet-latest",
    "claude-3-7-sonnet-latest",
    "claude-opus-4-20250514",
    "claude-opus-4-1",
    "claude-sonnet-4-5",
    "claude-sonnet-4-6",
    "claude-opus-4-8",
    "claude-fable-5-1",
    "claude-opus-5",
    "claude-sonnet-5",
    "claude-haiku-5-5",
    "claude-opus-5-5",
    "claude-sonnet-5-5",
    "claude",
    "kimi-k2",
};

static const gw_capability *row_at(const char *model, uint32_t index)
{
    gw_request req = { .size = sizeof req,
                       .operation = GW_OP_CHAT,
                       .dialect = GW_DIALECT_CHAT,
                       .model = call_str(text_of(model)),
                       .base_url = GW_LIT("http://127.0.0.1:1") };
    const gw_provider_ops *ops = gw_plugin_entry_anthropic()->ops;
    return ops->capability(NULL, &req, index);
}

/* How many rows of `model` are so. `part` is of `as` or `why`; NULL: any. */
static unsigned count(const char *model, const char *field, uint32_t how, const char *part)
{
    const gw_capability *row;
    unsigned found = 0;
    for (uint32_t i = 0; (row = row_at(model, i)) != NULL; i++) {
        const char *text = row->why != NULL ? row->why : row->as;
        found += strcmp(row->field, field) == 0 && row->how == how &&
                 (part == NULL || (text != NULL && strstr(text, part) != NULL));
    }
    return found;
}

Test(anthropic_capability, rows_are_sound)
{
    for (size_t m = 0; m < sizeof models / sizeof *models; m++) {
        const gw_capability *row, *other;
        uint32_t rows = 0;
        for (; (row = row_at(models[m], rows)) != NULL; rows++) {
            bool is_loss = row->how == GW_FIELD_DROPPED || row->how == GW_FIELD_REFUSED;
            cr_assert_lt(rows, ROWS_MOST);
            cr_assert_eq(row->size, sizeof *row);
            cr_assert(row->how >= GW_FIELD_CARRIED && row->how <= GW_FIELD_REFUSED, "%s", row->field);
            cr_assert(row->field != NULL && row->field[0] != '\0', "%s: row %u", models[m], rows);
            cr_assert_eq(row->as != NULL, row->how == GW_FIELD_TRANSLATED, "%s", row->field);
            cr_assert_eq(row->why != NULL, is_loss, "%s", row->field);
            cr_assert(row->when == NULL || row->when[0] != '\0', "%s", row->field);
            /* No two of a field for any value, nor two of the same values. */
            for (uint32_t i = 0; i < rows; i++) {
                other = row_at(models[m], i);
                cr_assert(strcmp(other->field, row->field) != 0 || row->when != NULL || other->when != NULL,
                          "%s: %s has two rows for any value", models[m], row->field);
                cr_assert(strcmp(other->field, row->field) != 0 || other->how != row->how ||
                              (other->when == NULL) != (row->when == NULL) || strcmp(other->when, row->when) != 0,
                          "%s: %s stands there twice", models[m], row->field);
            }
        }
        cr_assert_gt(rows, 80u);
        cr_assert_str_eq(row_at(models[m], rows - 1)->field, "*");
        cr_assert_null(row_at(models[m], rows + 1));
    }
}

/* Code that names a limit finds its row, and some model has it. */
Test(anthropic_capability, every_limit_has_a_row)
{
    for (int limit = NO_LIMIT + 1; limit < LIMITS; limit++) {
        const char *why = anthropic_why((enum limit)limit);
        bool stands = false;
        cr_assert_not_null(why, "limit %d", limit);
        cr_assert(strcmp(why, "not a parameter of Anthropic's") != 0, "limit %d", limit);
        for (size_t m = 0; m < sizeof models / sizeof *models && !stands; m++) {
            const gw_capability *row;
            for (uint32_t i = 0; (row = row_at(models[m], i)) != NULL && !stands; i++)
                stands = row->why == why;
        }
        cr_assert(stands, "no model has: %s", why);
    }
}

Test(anthropic_capability, tells_what_differs_between_models)
{
    static const char *const sampled = "this model takes no sampling parameters";
    static const struct {
        const char *model;
        unsigned samples, both, thinks, budget, effort, xhigh, forces, shapes, system, quiet, searches;
    } rows[] = {
        { "claude-3-haiku", 1, 1, 0, 0, 0, 0, 1, 0, 0, 1, 0 },
        { "claude-opus-4-1", 1, 0, 1, 1, 0, 0, 1, 0, 0, 1, 1 },
        { "claude-sonnet-4-5", 1, 0, 1, 1, 0, 0, 1, 1, 0, 1, 1 },
        { "claude-opus-4-6", 1, 0, 1, 0, 1, 0, 1, 1, 0, 1, 1 },
        { "claude-opus-4-8", 0, 0, 1, 0, 1, 1, 1, 1, 0, 1, 1 },
        { "claude-opus-5-5", 0, 0, 1, 0, 1, 1, 0, 1, 1, 0, 1 },
        { "claude-sonnet-5-5", 0, 0, 1, 0, 1, 1, 0, 1, 1, 1, 1 },
        { "kimi-k2", 1, 1, 1, 1, 0, 0, 1, 0, 0, 1, 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *model = rows[i].model;
        cr_assert_eq(count(model, "temperature", GW_FIELD_DROPPED, sampled), !rows[i].samples, "%s", model);
        cr_assert_eq(count(model, "top_k", GW_FIELD_DROPPED, sampled), !rows[i].samples, "%s", model);
        cr_assert_eq(count(model, "temperature", GW_FIELD_CARRIED, NULL), rows[i].samples, "%s", model);
        cr_assert_eq(count(model, "top_p", GW_FIELD_DROPPED, "not both"), rows[i].samples && !rows[i].both, "%s",
                     model);
        cr_assert_eq(count(model, "reasoning_effort", GW_FIELD_DROPPED, "does not think"), !rows[i].thinks, "%s",
                     model);
        cr_assert_eq(count(model, "thinking", GW_FIELD_TRANSLATED, "budget_tokens"), rows[i].budget, "%s", model);
        cr_assert_eq(count(model, "reasoning", GW_FIELD_TRANSLATED, "output_config.effort"), rows[i].effort, "%s",
                     model);
        cr_assert_eq(count(model, "reasoning_effort", GW_FIELD_DROPPED, "no such level"),
                     rows[i].effort && !rows[i].xhigh, "%s", model);
        cr_assert_eq(count(model, "reasoning_effort", GW_FIELD_DROPPED, "always thinks"), !rows[i].quiet, "%s", model);
        cr_assert_eq(count(model, "tool_choice", GW_FIELD_DROPPED, "cannot be made"), !rows[i].forces, "%s", model);
        cr_assert_eq(count(model, "tool_choice", GW_FIELD_TRANSLATED, "any"), rows[i].forces, "%s", model);
        cr_assert_eq(count(model, "tools.function.strict", GW_FIELD_DROPPED, NULL), !rows[i].shapes, "%s", model);
        cr_assert_eq(count(model, "response_format", GW_FIELD_TRANSLATED, "output_config"), rows[i].shapes, "%s",
                     model);
        cr_assert_eq(count(model, "messages.role", GW_FIELD_TRANSLATED, "role system"), rows[i].system, "%s", model);
        cr_assert_eq(count(model, "web_search_options", GW_FIELD_DROPPED, NULL), !rows[i].searches, "%s", model);
    }
    cr_assert_eq(count("claude-sonnet-5-5", "thinking", GW_FIELD_TRANSLATED, "between_tools"), 1u);
    cr_assert_eq(count("kimi-k2", "max_tokens", GW_FIELD_DROPPED, NULL), 0u);
    cr_assert_eq(count("claude-opus-4-1", "max_tokens", GW_FIELD_DROPPED, NULL), 1u);
}

/* "messages.*" stands for "messages.content.foo". */
static bool is_field_of(struct text member, struct text field)
{
    bool below = text_ends(field, TEXT(".*"));
    return below ? text_starts(member, (struct text){ field.ptr, field.len - 1 }) : text_eq(member, field);
}

/* The row of the model for what was dropped; -1: none does. */
static int row_of_drop(const char *model, struct text member, struct text why, bool is_unknown)
{
    const gw_capability *row;
    for (uint32_t i = 0; (row = row_at(model, i)) != NULL; i++)
        if (row->how == GW_FIELD_DROPPED && text_is(why, row->why) &&
            (strcmp(row->field, "*") == 0 ? is_unknown : is_field_of(member, text_of(row->field))))
            return (int)i;
    return -1;
}

static bool says(struct text explain, const char *why)
{
    return memmem(explain.ptr, explain.len, why, strlen(why)) != NULL;
}

/* Builds the chat for `model` and marks the rows that it proves. True when the one it is for is among them. */
static bool prove(const char *model, const struct json *proof, bool *proven)
{
    static struct replay r;
    static struct built built;
    struct text field = json_str(json_member(proof, "field")), why = json_str(json_member(proof, "why"));
    bool is_unknown = text_is(field, "*"), is_it = false;
    const gw_capability *row;

    replay_begin(&r, gw_plugin_entry_anthropic(), NULL);
    built_begin(&built, &r, GW_OP_CHAT, model, json_member(proof, "chat"), false);
    cr_assert(built.status == GW_OK || built.status == GW_E_REQUEST, "%s: %d", model, built.status);
    for (const struct call_dropped *d = r.call.dropped; d != NULL; d = d->next) {
        int at = row_of_drop(model, d->member, d->why, is_unknown);
        cr_assert_geq(at, 0, "%s: no row says that %.*s is dropped: %.*s", model, TEXT_ARG(d->member),
                      TEXT_ARG(d->why));
        proven[at] = true;
        is_it = is_it || (text_eq(d->why, why) && (is_unknown || is_field_of(d->member, field)));
    }
    bool refused = built.status == GW_OK;
    for (uint32_t i = 0; built.status != GW_OK && (row = row_at(model, i)) != NULL; i++) {
        if (row->how != GW_FIELD_REFUSED || !says(r.call.explain, row->why))
            continue;
        refused = true;
        /* Fields that are refused with the same words: the chat has one of them. */
        if (text_is(why, row->why) && text_is(field, row->field))
            is_it = proven[i] = true;
    }
    cr_assert(refused, "%s: no row says: %.*s", model, TEXT_ARG(r.call.explain));
    built_end(&built);
    replay_end(&r);
    return is_it;
}

Test(anthropic_capability, every_row_is_provoked_and_nothing_else_is)
{
    static bool fits[CHATS_MOST];
    struct arena arena;

    arena_init(&arena, NULL, 0, 16 << 20);
    const struct json *proofs =
        case_parse(&arena, replay_file(&arena, GW_SOURCE_DIR "/tests/provider/anthropic/capability/rows.json"));
    cr_assert_lt(json_count(proofs), CHATS_MOST);
    for (size_t m = 0; m < sizeof models / sizeof *models; m++) {
        bool proven[ROWS_MOST] = { false };
        const gw_capability *row;
        for (size_t i = 0; i < json_count(proofs); i++)
            fits[i] = prove(models[m], json_at(proofs, i), proven) || fits[i];
        for (uint32_t i = 0; (row = row_at(models[m], i)) != NULL; i++)
            if (row->why != NULL)
                cr_assert(proven[i], "%s: nothing provokes that %s is %s: %s", models[m], row->field,
                          row->how == GW_FIELD_DROPPED ? "dropped" : "refused", row->why);
    }
    for (size_t i = 0; i < json_count(proofs); i++)
        cr_assert(fits[i], "the chat for %.*s does not provoke: %.*s",
                  TEXT_ARG(json_str(json_member(json_at(proofs, i), "field"))),
                  TEXT_ARG(json_str(json_member(json_at(proofs, i), "why"))));
    arena_fini(&arena);
}

static void check_drops(const char *model, const struct json *chat)
{
    static struct replay r;
    static struct built built;

    replay_begin(&r, gw_plugin_entry_anthropic(), NULL);
    built_begin(&built, &r, GW_OP_CHAT, model, chat, false);
    for (const struct call_dropped *d = r.call.dropped; d != NULL; d = d->next)
        cr_assert_geq(row_of_drop(model, d->member, d->why, true), 0, "%s: no row says that %.*s is dropped: %.*s",
                      model, TEXT_ARG(d->member), TEXT_ARG(d->why));
    built_end(&built);
    replay_end(&r);
}

/* The chats that test_anthropic_requests.c has, which drop in other company. */
Test(anthropic_capability, other_chats_drop_nothing_else)
{
    static const char folder[] = GW_SOURCE_DIR "/tests/provider/anthropic/requests";
    DIR *dir = opendir(folder);
    struct arena arena;
    unsigned chats = 0;

    cr_assert_not_null(dir);
    arena_init(&arena, NULL, 0, 64 << 20);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char path[1024];
        if (!text_ends(text_of(entry->d_name), TEXT(".json")))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        const struct json *rows = case_parse(&arena, replay_file(&arena, path));
        for (size_t i = 0; i < json_count(rows); i++, chats++)
            for (size_t m = 0; m < sizeof models / sizeof *models; m++)
                check_drops(models[m], json_member(json_at(rows, i), "chat"));
    }
    closedir(dir);
    arena_fini(&arena);
    cr_assert_gt(chats, 100u, "%u chats", chats);
}
