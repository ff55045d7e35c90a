/* test_anthropic_matched.c - conversations that somebody else wrote by hand for both APIs (recordings/matched): the
 * request made from the chat form must mean what the hand-written one for Anthropic means. What differs is in the
 * table below with its reason; a difference that is not there fails, and so does a row that nothing needs. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "anthropic_case.h"
#include "check.h"

enum { FIRST = 1, NEXT = 2, BOTH = FIRST | NEXT };

static const struct {
    const char *name;
    int when;
    const char *path, *reason;
} differences[] = {
    { "chatCompletionsAssistantCacheControlParam", BOTH, "messages.1.content.0.cache_control.ttl",
      "theirs lives an hour, and the chat does not ask for that" },
    { "chatCompletionsSystemCacheControlParam", BOTH, "system.0.cache_control.ttl",
      "theirs lives an hour, and the chat does not ask for that" },
    { "instructionsParam", BOTH, "system.0.text", "written with other words" },
    { "jsonSchemaFormatParam", BOTH, "output_config.format.schema.title",
      "the name of the schema is carried as its title" },
    { "metadataParam", BOTH, "metadata", "the chat names no user, and other metadata has no place" },
    { "multimodalRequest", NEXT, "messages", "GPT's answer was empty, and empty turns are left out" },
    { "multimodalRequest", FIRST, "messages.0.content.1.source",
      "theirs has fetched the image, the chat gives its address" },
    { "opus47AdaptiveThinkingReasoningEffortParam", BOTH, "thinking.display",
      "newer models say nothing of their thinking unless asked" },
    { "parallelToolCallsDisabledParam", BOTH, "messages.0.content.0.text", "written with other words" },
    { "parallelToolCallsDisabledParam", BOTH, "tools.0.input_schema.additionalProperties",
      "the chat's schema says it" },
    { "parallelToolCallsDisabledParam", NEXT, "messages.1.content",
      "Claude said something before its call, GPT did not" },
    { "promptCacheKeyParam", BOTH, "system", "the chat has no system message" },
    { "reasoningEffortLowParam", BOTH, "thinking", "effort alone does not make Opus 4.6 think" },
    { "reasoningRequestTruncated", NEXT, "messages", "GPT's answer was empty, and empty turns are left out" },
    { "reasoningSummaryParam", BOTH, "thinking", "effort alone does not make Opus 4.6 think" },
    { "serviceTierParam", BOTH, "service_tier", "default is not auto: it never uses bought capacity" },
    { "simpleRequest", BOTH, "thinking", "the chat asks for reasoning, theirs does not" },
    { "stopSequencesParam", BOTH, "messages.0.content.0.text", "written with other words" },
    { "textFormatJsonSchemaParam", BOTH, "output_config.format.schema.title",
      "the name of the schema is carried as its title" },
    { "textFormatJsonSchemaWithDescriptionParam", BOTH, "output_config.format.schema.title",
      "the name of the schema is carried as its title" },
    { "textFormatJsonSchemaWithDescriptionParam", BOTH, "output_config.format.schema.description",
      "the description of the schema is carried as its own" },
    { "toolChoiceRequiredParam", BOTH, "tools.0.input_schema.additionalProperties", "the chat's schema says it" },
};

enum { ROWS = sizeof differences / sizeof *differences };

/* One pair being compared. */
struct pair {
    struct arena arena;
    const char *name;
    int when;
    bool limited; /* the chat limits the length of the answer */
    int *used;    /* per row: when it was needed */
};

/* Ids are compared by their order. */
struct names {
    struct text ids[32];
    unsigned count;
};

static unsigned number_of(struct names *names, struct text id)
{
    for (unsigned i = 0; i < names->count; i++)
        if (text_eq(names->ids[i], id))
            return i;
    cr_assert_lt(names->count, 32u);
    names->ids[names->count] = id;
    return names->count++;
}

static void write_normal(struct pair *p, struct json_writer *w, struct names *names, const struct json *v,
                         bool is_answer);

static bool is_left_out(const struct pair *p, struct text key, const struct json *value)
{
    if (text_is(key, "model") || text_is(key, "caller"))
        return true; /* the same by construction; has "direct" */
    if (text_is(key, "max_tokens"))
        return !p->limited; /* Anthropic requires one, so everybody makes one up */
    return text_is(key, "tool_choice") && json_count(value) == 1 &&
           text_is(json_str(json_member(value, "type")), "auto"); /* the default */
}

static void write_string_blocks(struct json_writer *w, struct text text)
{
    json_object(w);
    json_name(w, "type");
    json_put_str(w, TEXT("text"));
    json_name(w, "text");
    json_put_str(w, text);
    json_close(w);
}

static void write_blocks(struct pair *p, struct json_writer *w, struct names *names, const struct json *v,
                         bool is_answer)
{
    if (json_type(v) == JSON_T_STR)
        write_string_blocks(w, is_answer ? TEXT("(its answer)") : json_str(v));
    for (size_t i = 0; i < json_count(v); i++)
        write_normal(p, w, names, json_at(v, i), is_answer);
}

/* Turns of one role are one turn; what a model answered is not compared. */
static void write_messages(struct pair *p, struct json_writer *w, struct names *names, const struct json *messages)
{
    struct text open = TEXT_NONE;

    json_array(w);
    for (size_t i = 0; i < json_count(messages); i++) {
        const struct json *message = json_at(messages, i);
        struct text role = json_str(json_member(message, "role"));
        bool is_answer = p->when == NEXT && text_is(role, "assistant");
        if (open.ptr == NULL || !text_eq(open, role)) {
            if (open.ptr != NULL) {
                json_close(w);
                json_close(w);
            }
            json_object(w);
            json_name(w, "role");
            json_put_str(w, role);
            json_name(w, "content");
            json_array(w);
        }
        open = role;
        write_blocks(p, w, names, json_member(message, "content"), is_answer);
    }
    if (open.ptr != NULL) {
        json_close(w);
        json_close(w);
    }
    json_close(w);
}

static void write_member(struct pair *p, struct json_writer *w, struct names *names, struct text key,
                         const struct json *v, bool is_answer)
{
    json_key(w, key);
    if (text_is(key, "id") || text_is(key, "tool_use_id")) {
        json_put_int(w, number_of(names, json_str(v)));
    } else if (text_is(key, "text") && is_answer) {
        json_put_str(w, TEXT("(its answer)"));
    } else if (text_is(key, "input") && is_answer) {
        json_put_str(w, TEXT("(its arguments)"));
    } else if (text_is(key, "messages")) {
        write_messages(p, w, names, v);
    } else if (text_is(key, "system")) {
        json_array(w);
        write_blocks(p, w, names, v, false);
        json_close(w);
    } else {
        write_normal(p, w, names, v, is_answer);
    }
}

static void write_normal(struct pair *p, struct json_writer *w, struct names *names, const struct json *v,
                         bool is_answer)
{
    if (json_type(v) == JSON_T_OBJECT) {
        json_object(w);
        for (size_t i = 0; i < json_count(v); i++)
            if (!is_left_out(p, json_key_at(v, i), json_at(v, i)))
                write_member(p, w, names, json_key_at(v, i), json_at(v, i), is_answer);
        json_close(w);
    } else if (json_type(v) == JSON_T_ARRAY) {
        json_array(w);
        for (size_t i = 0; i < json_count(v); i++)
            write_normal(p, w, names, json_at(v, i), is_answer);
        json_close(w);
    } else {
        json_put_json(w, v);
    }
}

static const struct json *normal(struct pair *p, const struct json *request)
{
    struct names names = { .count = 0 };
    struct json_writer w;
    struct buf out;

    buf_init(&out, 64 << 20);
    json_writer_init(&w, &out);
    write_normal(p, &w, &names, request, false);
    cr_assert_eq(json_end(&w), 0);
    const struct json *value = case_parse(&p->arena, arena_text(&p->arena, buf_view(&out)));
    buf_free(&out);
    return value;
}

/* The first bytes of a value, for the table. */
static int shown(struct text t)
{
    return t.len < 60 ? (int)t.len : 60;
}

static bool is_within(const char *path, const char *part)
{
    size_t len = strlen(part);
    return strncmp(path, part, len) == 0 && (path[len] == '\0' || path[len] == '.');
}

static void note(struct pair *p, const char *path, const struct json *ours, const struct json *theirs)
{
    struct text a = case_canonical(&p->arena, ours), b = case_canonical(&p->arena, theirs);
    size_t row = 0;

    while (row < ROWS && (strcmp(differences[row].name, p->name) != 0 || (differences[row].when & p->when) == 0 ||
                          !is_within(path, differences[row].path)))
        row++;
    cr_assert_lt(row, (size_t)ROWS, "%s (%s): %s differs: ours %.*s, theirs %.*s", p->name,
                 p->when == FIRST ? "request" : "follow-up", path, TEXT_ARG(a), TEXT_ARG(b));
    p->used[row] |= p->when;
    fprintf(stderr, "matched: %-42s %-9s %-44s ours %-30.*s theirs %-30.*s %s\n", p->name,
            p->when == FIRST ? "request" : "follow-up", path, shown(a), a.ptr, shown(b), b.ptr,
            differences[row].reason);
}

static void compare(struct pair *p, const char *path, const struct json *ours, const struct json *theirs)
{
    char deeper[500];
    enum json_type type = json_type(ours);

    if (type != json_type(theirs) || (type == JSON_T_ARRAY && json_count(ours) != json_count(theirs))) {
        note(p, path, ours, theirs);
    } else if (type == JSON_T_ARRAY) {
        for (size_t i = 0; i < json_count(ours); i++) {
            snprintf(deeper, sizeof deeper, "%s.%zu", path, i);
            compare(p, deeper, json_at(ours, i), json_at(theirs, i));
        }
    } else if (type == JSON_T_OBJECT) {
        const struct json *sides[] = { ours, theirs };
        for (size_t side = 0; side < 2; side++) {
            for (size_t i = 0; i < json_count(sides[side]); i++) {
                struct text key = json_key_at(sides[side], i);
                if (side == 1 && json_get(ours, key) != NULL)
                    continue;
                snprintf(deeper, sizeof deeper, "%s%s%.*s", path, path[0] != '\0' ? "." : "", TEXT_ARG(key));
                compare(p, deeper, json_get(ours, key), json_get(theirs, key));
            }
        }
    } else if (!text_eq(case_canonical(&p->arena, ours), case_canonical(&p->arena, theirs))) {
        note(p, path, ours, theirs);
    }
}

static unsigned check_pair(const char *name, int when, const struct json *chat, const struct json *theirs, int *used)
{
    static struct replay r;
    static struct built built;
    struct pair p = { .name = name, .when = when, .used = used };
    char model[100];

    if (chat == NULL || theirs == NULL)
        return 0;
    p.limited = json_member(chat, "max_completion_tokens") != NULL || json_member(chat, "max_tokens") != NULL;
    arena_init(&p.arena, NULL, 0, 256 << 20);
    snprintf(model, sizeof model, "%.*s", TEXT_ARG(json_str(json_member(theirs, "model"))));
    replay_begin(&r, gw_plugin_entry_anthropic(), NULL);
    built_begin(&built, &r, GW_OP_CHAT, model, chat, json_bool(json_member(theirs, "stream"), false));
    cr_assert_eq(built.status, GW_OK, "%s: %.*s", name, TEXT_ARG(r.call.explain));
    compare(&p, "", normal(&p, built.body), normal(&p, theirs));
    built_end(&built);
    replay_end(&r);
    arena_fini(&p.arena);
    return 1;
}

static unsigned check_case(const char *path, const char *name, int *used)
{
    struct arena arena;

    arena_init(&arena, NULL, 0, 256 << 20);
    const struct json *formats = json_member(case_parse(&arena, replay_file(&arena, path)), "formats");
    const struct json *chat = json_member(formats, "chat-completions"), *theirs = json_member(formats, "anthropic");
    unsigned count = check_pair(name, FIRST, json_member(chat, "request"), json_member(theirs, "request"), used);
    count +=
        check_pair(name, NEXT, json_member(chat, "followup_request"), json_member(theirs, "followup_request"), used);
    arena_fini(&arena);
    return count;
}

Test(anthropic_matched, requests_mean_what_was_written_by_hand)
{
    static int used[ROWS];
    char folder[512], path[1200], name[300];
    unsigned count = 0;

    memset(used, 0, sizeof used);
    snprintf(folder, sizeof folder, "%s", check_shared("recordings/matched"));
    DIR *dir = opendir(folder);
    cr_assert_not_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        struct text file = text_of(entry->d_name);
        if (!text_ends(file, TEXT(".json")))
            continue;
        snprintf(name, sizeof name, "%.*s", (int)file.len - 5, file.ptr);
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        count += check_case(path, name, used);
    }
    closedir(dir);
    fprintf(stderr, "matched: %u requests compared\n", count);
    cr_assert_geq(count, check_least(58), "%u requests", count);
    for (size_t i = 0; i < ROWS && check_least(2) > 1; i++)
        cr_assert_eq(used[i], differences[i].when, "%s %s is in the table and does not differ", differences[i].name,
                     differences[i].path);
}
