/* plan.c - decides what the demo provider answers, from the request alone: the same request has the same
 * answer. The README of this folder lists the rules. */
#include <stdio.h>
#include <string.h>

#include "demo.h"

enum { CHOICES_MOST = 128, WORDS_MOST = 20000, MESSAGE_TOKENS = 4, BREAK_AFTER = 3 };

const gw_capability demo_fields[] = {
    { .size = sizeof(gw_capability),
      .how = GW_FIELD_DROPPED,
      .field = "logprobs",
      .why = "the demo provider has no probabilities" },
    { .field = NULL },
};

/* What is being planned, handed around. */
struct plan {
    const struct demo *demo;
    const gw_host *h;
    gw_call *call;
    const gw_json *body;
    struct answer *answer;
    gw_str said; /* the last message of the user */
    gw_str rest; /* of it, without the magic word */
};

static gw_str member_str(const struct plan *p, const gw_json *object, gw_str name)
{
    return p->h->json->str(p->h->json->get(object, name));
}

static void tell_dropped(const struct plan *p, const gw_capability *row)
{
    p->h->dropped(p->call, (gw_str){ row->field, strlen(row->field) }, (gw_str){ row->why, strlen(row->why) });
}

static gw_str trim(gw_str s)
{
    while (s.len > 0 && (unsigned char)s.ptr[0] <= ' ')
        s = (gw_str){ s.ptr + 1, s.len - 1 };
    while (s.len > 0 && (unsigned char)s.ptr[s.len - 1] <= ' ')
        s.len--;
    return s;
}

gw_str demo_copy(const struct demo *demo, gw_call *call, gw_str s)
{
    char *copy = demo->host->alloc(call, s.len + 1, 1);
    if (copy == NULL)
        return GW_LIT("");
    if (s.len > 0)
        memcpy(copy, s.ptr, s.len);
    return (gw_str){ copy, s.len };
}

/* Up to four texts one after another, in memory of the call. */
static gw_str join(const struct plan *p, gw_str a, gw_str b, gw_str c, gw_str d)
{
    const gw_str parts[] = { a, b, c, d };
    size_t len = 0;
    for (size_t i = 0; i < 4; i++)
        len += parts[i].len;
    char *out = p->h->alloc(p->call, len + 1, 1), *at = out;
    if (out == NULL)
        return GW_LIT("");
    for (size_t i = 0; i < 4; i++) {
        if (parts[i].len > 0)
            memcpy(at, parts[i].ptr, parts[i].len);
        at += parts[i].len;
    }
    return (gw_str){ out, len };
}

static void set_error(struct answer *answer, uint32_t status, uint32_t fault, gw_str text, gw_str code, gw_str param)
{
    answer->error_status = status;
    answer->error_fault = fault;
    answer->error_text = text;
    answer->error_code = code;
    answer->error_param = param;
}

/* The text of a message's content, which is a string or a list of parts; the texts of several parts are joined. */
static gw_str content_text(const struct plan *p, const gw_json *content)
{
    size_t count = p->h->json->count(content), len = 0;
    if (count == 0)
        return p->h->json->str(content);

    for (size_t i = 0; i < count; i++)
        len += member_str(p, p->h->json->at(content, i), GW_LIT("text")).len;
    char *out = p->h->alloc(p->call, len + 1, 1), *at = out;
    if (out == NULL)
        return GW_LIT("");
    for (size_t i = 0; i < count; i++) {
        gw_str part = member_str(p, p->h->json->at(content, i), GW_LIT("text"));
        if (part.len > 0)
            memcpy(at, part.ptr, part.len);
        at += part.len;
    }
    return (gw_str){ out, len };
}

static int64_t count_content(const struct plan *p, const gw_json *content)
{
    int64_t count = demo_count(p->h->json->str(content));
    for (size_t i = 0; i < p->h->json->count(content); i++)
        count += demo_count(member_str(p, p->h->json->at(content, i), GW_LIT("text")));
    return count;
}

/* Does a client speak, and not the person? Claude Code puts such texts before and behind what a person writes. */
static bool is_reminder(gw_str text)
{
    static const char mark[] = "<system-reminder>";
    text = trim(text);
    return text.len >= sizeof mark - 1 && memcmp(text.ptr, mark, sizeof mark - 1) == 0;
}

/* What the person wrote in a message: its text, or the last of its texts that is not a client's. Absent: nothing. */
static gw_str person_text(const struct plan *p, const gw_json *content)
{
    gw_str text = p->h->json->str(content), found = { NULL, 0 };
    if (text.ptr != NULL)
        return is_reminder(text) ? found : text;
    for (size_t i = 0; i < p->h->json->count(content); i++) {
        text = trim(member_str(p, p->h->json->at(content, i), GW_LIT("text")));
        if (text.len > 0 && !is_reminder(text))
            found = text;
    }
    return found;
}

/* Reads all messages: counts them, finds the user's last message, and whether a tool's result is the end: what only a
 * client sends behind it does not count. */
static const gw_json *read_messages(struct plan *p)
{
    const gw_json *messages = p->h->json->get(p->body, GW_LIT("messages")), *last = NULL;

    for (size_t i = 0; i < p->h->json->count(messages); i++) {
        const gw_json *one = p->h->json->at(messages, i), *content = p->h->json->get(one, GW_LIT("content"));
        p->answer->prompt_tokens += MESSAGE_TOKENS + count_content(p, content);
        bool is_user = demo_is(member_str(p, one, GW_LIT("role")), "user");
        gw_str text = is_user ? person_text(p, content) : (gw_str){ NULL, 0 };
        if (is_user && text.ptr == NULL && last != NULL)
            continue;
        last = one;
        if (is_user)
            p->said = trim(text);
    }
    if (last == NULL)
        set_error(p->answer, 400, GW_FAULT_REQUEST, GW_LIT("messages must have at least one message"),
                  GW_LIT("missing_required_parameter"), GW_LIT("messages"));
    gw_str role = member_str(p, last, GW_LIT("role"));
    return demo_is(role, "tool") || demo_is(role, "function") ? last : NULL;
}

/* Cuts the first word off p->said, when it is `word`. */
static bool take_word(struct plan *p, const char *word)
{
    size_t len = strlen(word);
    if (p->said.len < len || memcmp(p->said.ptr, word, len) != 0 ||
        (p->said.len > len && (unsigned char)p->said.ptr[len] > ' '))
        return false;
    p->rest = trim((gw_str){ p->said.ptr + len, p->said.len - len });
    return true;
}

/* The name of the function whose result `message` is. */
static gw_str result_name(const struct plan *p, const gw_json *message)
{
    const gw_json *messages = p->h->json->get(p->body, GW_LIT("messages"));
    gw_str id = member_str(p, message, GW_LIT("tool_call_id")), name = member_str(p, message, GW_LIT("name"));

    for (size_t i = 0; id.len > 0 && i < p->h->json->count(messages); i++) {
        const gw_json *calls = p->h->json->get(p->h->json->at(messages, i), GW_LIT("tool_calls"));
        for (size_t k = 0; k < p->h->json->count(calls); k++) {
            const gw_json *one = p->h->json->at(calls, k);
            gw_str other = member_str(p, one, GW_LIT("id"));
            if (other.len == id.len && memcmp(other.ptr, id.ptr, id.len) == 0)
                name = member_str(p, p->h->json->get(one, GW_LIT("function")), GW_LIT("name"));
        }
    }
    return name.len > 0 ? name : GW_LIT("the tool");
}

/* The function to call: the one that tool_choice names, or the first; NULL when there is none. */
static const gw_json *find_function(const struct plan *p, gw_str wanted)
{
    const gw_json *tools = p->h->json->get(p->body, GW_LIT("tools"));
    for (size_t i = 0; i < p->h->json->count(tools); i++) {
        const gw_json *function = p->h->json->get(p->h->json->at(tools, i), GW_LIT("function"));
        gw_str name = member_str(p, function, GW_LIT("name"));
        if (name.len > 0 &&
            (wanted.len == 0 || (wanted.len == name.len && memcmp(wanted.ptr, name.ptr, name.len) == 0)))
            return function;
    }
    return NULL;
}

/* Does tool_choice ask for a call, whatever the user's text is? *name gets the function's, when it names one. */
static bool is_call_forced(const struct plan *p, gw_str *name)
{
    const gw_json *choice = p->h->json->get(p->body, GW_LIT("tool_choice"));
    *name = member_str(p, p->h->json->get(choice, GW_LIT("function")), GW_LIT("name"));
    return name->len > 0 || (demo_is(p->h->json->str(choice), "required") && find_function(p, GW_LIT("")) != NULL);
}

static void plan_tool_call(struct plan *p, gw_str wanted)
{
    const gw_json *function = find_function(p, wanted);
    struct answer *a = p->answer;

    a->tool_id = join(p, GW_LIT("call_"), a->id, GW_LIT(""), GW_LIT(""));
    a->finish = GW_LIT("tool_calls");
    if (function == NULL) {
        a->tool_name = wanted.len > 0 ? wanted : GW_LIT("get_weather");
        a->tool_args = wanted.len > 0 ? GW_LIT("{}") : GW_LIT("{\"city\":\"Paris\"}");
        return;
    }
    a->tool_name = member_str(p, function, GW_LIT("name"));
    const gw_json *schema = p->h->json->get(function, GW_LIT("parameters"));
    gw_writer *w = p->h->writer(p->call);
    if (p->h->json->type(schema) == GW_JSON_OBJECT) {
        demo_sample(p->h, w, schema, GW_LIT(""));
    } else {
        p->h->write->object(w);
        p->h->write->close(w);
    }
    a->tool_args = p->h->write->end(w) == GW_OK ? demo_copy(p->demo, p->call, p->h->write->text(w)) : GW_LIT("{}");
}

/* A JSON object: what response_format's schema describes, or the user's text. */
static void plan_json(struct plan *p, const gw_json *schema)
{
    gw_writer *w = p->h->writer(p->call);
    if (schema != NULL) {
        demo_sample(p->h, w, schema, GW_LIT(""));
    } else {
        p->h->write->object(w);
        p->h->write->key(w, GW_LIT("said"));
        p->h->write->str(w, p->rest.ptr != NULL ? p->rest : GW_LIT(""));
        p->h->write->close(w);
    }
    p->answer->text = p->h->write->end(w) == GW_OK ? demo_copy(p->demo, p->call, p->h->write->text(w)) : GW_LIT("{}");
}

/* `count` words, a new line after every tenth. */
static gw_str long_text(const struct plan *p, int64_t count)
{
    static const char *const words[] = {
        "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"
    };
    char *out = p->h->alloc(p->call, (size_t)count * 6 + 1, 1), *at = out;
    if (out == NULL)
        return GW_LIT("");
    for (int64_t i = 0; i < count; i++) {
        size_t len = strlen(words[i % 10]);
        memcpy(at, words[i % 10], len);
        at += len;
        *at++ = i % 10 == 9 ? '\n' : ' ';
    }
    return (gw_str){ out, count > 0 ? (size_t)(at - out) - 1 : 0 };
}

/* "long 50": the number after the word, else the setting. */
static int64_t long_count(const struct plan *p)
{
    int64_t count = 0;
    size_t i = 0;
    for (; i < p->rest.len && p->rest.ptr[i] >= '0' && p->rest.ptr[i] <= '9' && count <= WORDS_MOST; i++)
        count = count * 10 + (p->rest.ptr[i] - '0');
    if (i == 0)
        count = p->demo->long_words;
    return count <= WORDS_MOST ? count : WORDS_MOST;
}

static void plan_echo(struct plan *p, gw_str what)
{
    p->answer->text =
        what.len > 0 ? join(p, GW_LIT("You said: "), what, GW_LIT(""), GW_LIT("")) : GW_LIT("You said nothing.");
}

static void plan_by_word(struct plan *p)
{
    struct answer *a = p->answer;
    const gw_json *format = p->h->json->get(p->body, GW_LIT("response_format"));
    gw_str format_type = member_str(p, format, GW_LIT("type")), wanted;
    bool forced = is_call_forced(p, &wanted);

    p->rest = p->said;
    if (take_word(p, "429")) {
        set_error(a, 429, GW_FAULT_RATE_LIMIT, GW_LIT("the demo provider refuses this as a rate limit, as asked for"),
                  GW_LIT("rate_limit_exceeded"), (gw_str){ NULL, 0 });
    } else if (take_word(p, "529")) {
        set_error(a, 529, GW_FAULT_OVERLOADED, GW_LIT("the demo provider says that it is overloaded, as asked for"),
                  GW_LIT("overloaded"), (gw_str){ NULL, 0 });
    } else if (forced || take_word(p, "tool")) {
        plan_tool_call(p, wanted);
    } else if (take_word(p, "break")) {
        a->breaks = true;
        a->text = GW_LIT("This answer breaks off after three tokens.");
    } else if (demo_is(format_type, "json_schema")) {
        plan_json(p, p->h->json->get(p->h->json->get(format, GW_LIT("json_schema")), GW_LIT("schema")));
    } else if (take_word(p, "json") || demo_is(format_type, "json_object")) {
        plan_json(p, NULL);
    } else if (take_word(p, "long")) {
        a->text = long_text(p, long_count(p));
    } else if (take_word(p, "think")) {
        a->reasoning =
            join(p, GW_LIT("The user wants an answer to: "), p->rest, GW_LIT("\nI will repeat it."), GW_LIT(""));
        plan_echo(p, p->rest);
    } else {
        plan_echo(p, p->said);
        if (take_word(p, "slow"))
            a->delay_ms = p->demo->slow_ms;
    }
}

/* Cuts the text before the first of the request's stop strings. */
static void cut_at_stop(const struct plan *p)
{
    const gw_json *stop = p->h->json->get(p->body, GW_LIT("stop"));
    size_t count = p->h->json->str(stop).ptr != NULL ? 1 : p->h->json->count(stop);

    for (size_t i = 0; i < count; i++) {
        gw_str one = p->h->json->str(stop);
        if (one.ptr == NULL)
            one = p->h->json->str(p->h->json->at(stop, i));
        for (size_t at = 0; one.len > 0 && at + one.len <= p->answer->text.len; at++) {
            if (memcmp(p->answer->text.ptr + at, one.ptr, one.len) == 0) {
                p->answer->text.len = at;
                break;
            }
        }
    }
}

/* -1 where it is not set. */
static int64_t most_tokens(const struct plan *p)
{
    int64_t most = p->h->json->integer(p->h->json->get(p->body, GW_LIT("max_completion_tokens")), -1);
    return most >= 0 ? most : p->h->json->integer(p->h->json->get(p->body, GW_LIT("max_tokens")), -1);
}

/* Cuts reasoning, text or arguments to max_tokens, and counts them. */
static void cut_to_limit(const struct plan *p)
{
    struct answer *a = p->answer;
    gw_str *text = a->tool_name.ptr != NULL ? &a->tool_args : &a->text;
    size_t whole = a->reasoning.len + text->len;
    int64_t most = most_tokens(p), limit = most < 0 ? INT64_MAX : most;

    a->reasoning = demo_first(a->reasoning, limit, &a->reasoning_tokens);
    *text = demo_first(*text, a->breaks ? BREAK_AFTER : limit - a->reasoning_tokens, &a->text_tokens);
    if (a->reasoning.len + text->len < whole)
        a->finish = GW_LIT("length");
}

/* The same for the same conversation, another one for the next turn. */
static void name_it(const struct plan *p, size_t messages)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    char name[24];
    for (size_t i = 0; i < p->said.len; i++)
        hash = (hash ^ (unsigned char)p->said.ptr[i]) * UINT64_C(0x100000001b3);
    hash = (hash ^ messages) * UINT64_C(0x100000001b3);
    int len = snprintf(name, sizeof name, "demo%016llx", (unsigned long long)hash);
    p->answer->id = demo_copy(p->demo, p->call, (gw_str){ name, (size_t)len });
}

void demo_plan(const struct demo *demo, gw_call *call, const gw_request *req, struct answer *answer)
{
    struct plan p = { .demo = demo, .h = demo->host, .call = call, .body = req->body, .answer = answer };
    const gw_json *result = read_messages(&p);
    int64_t choices = p.h->json->integer(p.h->json->get(p.body, GW_LIT("n")), 1);

    answer->delay_ms = req->stream ? demo->latency_ms : 0;
    answer->choices = choices >= 1 && choices <= CHOICES_MOST ? (uint32_t)choices : 1;
    answer->finish = GW_LIT("stop");
    if (choices != answer->choices)
        set_error(answer, 400, GW_FAULT_REQUEST, GW_LIT("n must be 1 to 128"), GW_LIT("invalid_value"), GW_LIT("n"));
    if (answer->error_text.ptr != NULL)
        return;
    name_it(&p, p.h->json->count(p.h->json->get(p.body, GW_LIT("messages"))));
    if (result != NULL)
        answer->text = join(&p, GW_LIT("The result of "), result_name(&p, result), GW_LIT(" is: "),
                            content_text(&p, p.h->json->get(result, GW_LIT("content"))));
    else
        plan_by_word(&p);
    if (p.h->json->boolean(p.h->json->get(p.body, GW_LIT("logprobs")), 0))
        tell_dropped(&p, &demo_fields[0]);
    cut_at_stop(&p);
    cut_to_limit(&p);
}
