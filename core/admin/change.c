/* change.c - checked with gateway.lua, written, loaded; taken back where it cannot be used. */
#include "admin/change.h"

#include "base/log.h"
#include "boot/control.h"
#include "boot/date.h"
#include "boot/reload.h"
#include "flow/kill.h"
#include "money/nano.h"

enum { LINES_MOST = 1 << 20 };

int change_run(struct admin_call *call, int (*make)(struct change *change))
{
    struct change change = { .call = call, .book = keybook_open(call->admin->folder, &call->fail) };
    if (change.book == NULL) {
        call->fail.status = 503;
        return -1;
    }
    config_unref(call->config); /* another change may have come before the file was ours */
    call->config = reload_config(call->admin->parts.reload);
    int result = make(&change);
    keybook_close(change.book);
    return result;
}

/* The first line of what is wrong, without the place in a file that the caller never sees. */
static int refuse_lines(struct admin_call *call, struct text lines)
{
    struct text line = text_cut(&lines, '\n');
    ptrdiff_t at = text_find(line, TEXT(KEYBOOK_FILE ":"));
    bool ours = at >= 0;
    if (ours) {
        line = (struct text){ line.ptr + at, line.len - (size_t)at };
        text_cut(&line, ':');
        text_cut(&line, ':');
        line = text_trim(line);
    }
    return admin_refuse(call, ours ? 400 : 409, ours ? "invalid_body" : "configuration_refused",
                        ours ? "%.*s" : "gateway.lua is not sound as it is now, so nothing can be changed: %.*s",
                        TEXT_ARG(line));
}

/* Would a gateway start with it? */
static int check(struct change *change)
{
    struct buf lines;
    buf_init(&lines, LINES_MOST);
    int result = reload_would_load(change->call->admin->parts.reload, keybook_text(change->book), &lines);
    if (result < 0)
        refuse_lines(change->call, buf_view(&lines));
    buf_free(&lines);
    return result;
}

static int save(struct change *change)
{
    if (keybook_save(change->book, &change->call->fail) == 0)
        return 0;
    change->call->fail.status = 503;
    return -1;
}

enum used { USED, REFUSED, UNKNOWN };

/* What is on the disk, in use: here, or in the process that takes the place of this one just now. */
static enum used use(struct admin_call *call, struct buf *lines)
{
    struct reload *reload = call->admin->parts.reload;
    const struct json *answer;
    struct fail fail;
    if (reload_run(reload, lines) == 0)
        return USED;
    if (!reload_has_moved(reload))
        return REFUSED;
    int asked = control_reload(call->admin->folder, call->arena, &answer, &fail);
    return asked == 0 && json_bool(json_member(answer, "accepted"), false) ? USED : UNKNOWN;
}

static int is_unknown(struct admin_call *call)
{
    return admin_refuse(call, 503, "moving",
                        "the change is written, and the program is being upgraded just now: look whether it is in use");
}

int change_apply(struct change *change, struct text target, struct text from, struct text to)
{
    struct admin_call *call = change->call;
    struct buf lines;
    if (check(change) < 0 || admin_record(call, target, from, to) < 0 || save(change) < 0)
        return -1;
    buf_init(&lines, LINES_MOST);
    enum used used = use(call, &lines);
    if (used == REFUSED) {
        struct fail ignored;
        refuse_lines(call, buf_view(&lines));
        keybook_undo(change->book);
        keybook_save(change->book, &ignored);
        admin_record(call, target, to, from); /* as it was */
    } else if (used == UNKNOWN) {
        is_unknown(call);
    }
    buf_free(&lines);
    return used == USED ? 0 : -1;
}

int change_revoke(struct change *change, struct text name, struct text from)
{
    struct admin_call *call = change->call;
    struct buf lines;
    bool changed;
    if (admin_record(call, name, from, TEXT("{\"state\":\"off\"}")) < 0)
        log_line(LOG_ERROR, "%s. The key \"%.*s\" is revoked all the same", call->fail.text, TEXT_ARG(name));
    if (save(change) < 0)
        return -1;
    buf_init(&lines, LINES_MOST);
    enum used used = use(call, &lines);
    buf_free(&lines);
    struct kill *kill = call->admin->parts.gateway->kill;
    if (used == REFUSED)
        return kill != NULL ? kill_set(kill, KILL_KEY, name, true, &changed, &call->fail) : -1;
    return used == USED ? 0 : is_unknown(call);
}

/* ---- a body's settings ---- */

/* null takes the setting away. */
static void take_text(const struct json *body, struct text name, struct text *out)
{
    const struct json *value = json_get(body, name);
    if (value != NULL)
        *out = json_str(value);
}

static void take_count(const struct json *body, struct text name, int64_t *out)
{
    const struct json *value = json_get(body, name);
    if (value != NULL)
        *out = json_int(value, -1);
}

static int take_models(struct admin_call *call, struct key_line *line)
{
    const struct json *value = json_member(call->body, "models");
    if (value == NULL)
        return 0;
    if (json_count(value) > KEY_LINE_MODELS_MOST)
        return admin_refuse(call, 400, "invalid_body", "models takes at most %d names", KEY_LINE_MODELS_MOST);
    struct text *models = arena_array(call->arena, struct text, json_count(value) + 1);
    for (size_t i = 0; i < json_count(value); i++)
        models[i] = json_str(json_at(value, i));
    line->models = models;
    line->model_count = json_count(value);
    line->has_models = json_type(value) == JSON_T_ARRAY;
    return 0;
}

/* {"a":"1","b":"2"} as "a=1,b=2". */
static int take_tags(struct admin_call *call, struct key_line *line)
{
    const struct json *value = json_member(call->body, "tags");
    if (value == NULL)
        return 0;
    if (json_count(value) > KEY_LINE_TAGS_MOST)
        return admin_refuse(call, 400, "invalid_body", "tags takes at most %d", KEY_LINE_TAGS_MOST);
    const char *all = "";
    for (size_t i = 0; i < json_count(value); i++) {
        struct text name = json_key_at(value, i), tag = json_str(json_at(value, i));
        if (text_find(name, TEXT("=")) >= 0 || text_find(name, TEXT(",")) >= 0 || text_find(tag, TEXT(",")) >= 0)
            return admin_refuse(call, 400, "invalid_body", "a tag has no comma in it, and its name no \"=\"");
        all = arena_printf(call->arena, "%s%s%.*s=%.*s", all, i > 0 ? "," : "", TEXT_ARG(name), TEXT_ARG(tag));
    }
    line->tags = text_of(all);
    return 0;
}

int change_settings(struct admin_call *call, struct key_line *line)
{
    const struct json *body = call->body;
    take_text(body, TEXT("budget"), &line->usd);
    take_text(body, TEXT("per"), &line->per);
    take_text(body, TEXT("priority"), &line->priority);
    take_text(body, TEXT("expires"), &line->expires);
    take_text(body, TEXT("project"), &line->project);
    take_count(body, TEXT("rpm"), &line->rpm);
    take_count(body, TEXT("tpm"), &line->tpm);
    take_count(body, TEXT("in_flight"), &line->in_flight);
    if (json_member(body, "per") != NULL && line->per.ptr != NULL && line->usd.ptr == NULL)
        return admin_refuse(call, 400, "invalid_body", "\"per\" is the period of \"budget\"");
    return take_models(call, line) < 0 || take_tags(call, line) < 0 ? -1 : 0;
}

/* ---- a key_maker's bounds ---- */

static int beyond(struct admin_call *call, const char *what)
{
    return admin_refuse(call, 403, "beyond_own_bounds",
                        "this credential has bounds for the keys that it makes, and this key's %s is beyond them",
                        what);
}

/* A pattern of the key's is within a pattern of the maker's. */
static bool is_bounded(const struct caller *caller, struct text model)
{
    for (size_t i = 0; i < caller->model_count; i++)
        if (text_matches(model, caller->models[i]))
            return true;
    return false;
}

/* The maker's budget is for a month. */
static int64_t times_a_month(struct text per)
{
    return text_is(per, "day") ? 31 : text_is(per, "week") ? 6 : 1;
}

int change_is_within(struct admin_call *call, const struct key_line *line)
{
    const struct caller *caller = &call->caller;
    int64_t nano, expires;
    if (caller->role != ROLE_KEY_MAKER)
        return 0;
    if (caller->budget_nano >= 0 && (line->usd.ptr == NULL || nano_parse(line->usd, &nano) < 0 ||
                                     nano > caller->budget_nano / times_a_month(line->per)))
        return beyond(call, "budget");
    if (caller->expires_ms != 0 &&
        (line->expires.ptr == NULL || date_parse(line->expires, &expires) < 0 || expires > caller->expires_ms))
        return beyond(call, "expiry");
    if (line->priority.ptr != NULL && text_is(line->priority, "critical"))
        return beyond(call, "priority");
    for (size_t i = 0; i < line->model_count && caller->model_count > 0; i++)
        if (!is_bounded(caller, line->models[i]))
            return beyond(call, "list of models");
    return caller->model_count > 0 && !line->has_models ? beyond(call, "list of models") : 0;
}
