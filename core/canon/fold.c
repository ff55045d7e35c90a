/* fold.c - collects events by choice and tool call. */
#include "canon/fold.h"
#include "canon/view.h"

static void free_texts(void *arg)
{
    struct fold *fold = arg;
    for (struct fold_choice *c = fold->choices; c != NULL; c = c->next) {
        struct buf *all[] = { &c->text, &c->refusal, &c->reasoning, &c->annotations, &c->logprobs, &c->media };
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            buf_free(all[i]);
        for (struct fold_call *call = c->calls; call != NULL; call = call->next)
            buf_free(&call->args);
        for (struct fold_thought *t = c->thoughts; t != NULL; t = t->next)
            buf_free(&t->text);
    }
}

void fold_init(struct fold *fold, struct arena *arena)
{
    *fold = (struct fold){ .arena = arena };
    arena_defer(arena, free_texts, fold);
    numbered_init(&fold->choices_by, arena);
    numbered_init(&fold->calls_by, arena);
}

static struct fold_choice *choice_of(struct fold *fold, uint32_t index)
{
    struct fold_choice *c = numbered_get(&fold->choices_by, index, 0), **at = &fold->choices;
    if (c != NULL)
        return c;
    if (fold->last != NULL && fold->last->index < index) /* as they mostly come */
        at = &fold->last->next;
    while (*at != NULL && (*at)->index < index)
        at = &(*at)->next;
    c = arena_new(fold->arena, struct fold_choice);
    c->index = index;
    c->number = (struct numbered){ index, 0 };
    c->next = *at;
    *at = c;
    if (c->next == NULL)
        fold->last = c;
    numbered_put(&fold->choices_by, &c->number, c);
    struct buf *all[] = { &c->text, &c->refusal, &c->reasoning, &c->annotations, &c->logprobs, &c->media };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        buf_init(all[i], SIZE_MAX);
    return c;
}

static struct fold_call *call_of(struct fold *fold, struct fold_choice *choice, uint32_t item)
{
    struct fold_call *call = numbered_get(&fold->calls_by, choice->index, item);
    if (call != NULL)
        return call;
    call = arena_new(fold->arena, struct fold_call);
    call->number = (struct numbered){ choice->index, item };
    buf_init(&call->args, SIZE_MAX);
    *(choice->last_call != NULL ? &choice->last_call->next : &choice->calls) = call;
    choice->last_call = call;
    numbered_put(&fold->calls_by, &call->number, call);
    return call;
}

/* The last thought of that block; a new one when there is none or when it is of another kind. */
static struct fold_thought *thought_of(struct fold *fold, struct fold_choice *choice, const gw_event *event,
                                       bool redacted)
{
    struct fold_thought *last = choice->last_thought;
    if (last != NULL && last->item == event->item && !redacted && last->redacted.ptr == NULL)
        return last;
    struct fold_thought *t = arena_new(fold->arena, struct fold_thought);
    *(last != NULL ? &last->next : &choice->thoughts) = t;
    choice->last_thought = t;
    struct text format = view_text(event->id);
    if (text_ends(format, TEXT(FOLD_REDACTED)))
        format.len -= sizeof FOLD_REDACTED - 1;
    t->item = event->item;
    t->format = arena_text(fold->arena, format);
    buf_init(&t->text, SIZE_MAX);
    return t;
}

static void add(struct fold *fold, struct buf *buf, gw_str piece)
{
    if (buf_append_tight(buf, piece.ptr, piece.len) < 0) /* a part may be one of very many */
        fold->incomplete = true;
}

/* JSON values beside each other: an array's are opened, so that pieces concatenate. */
static void add_json(struct fold *fold, struct buf *buf, gw_str json)
{
    struct text t = text_trim(view_text(json));
    if (t.len >= 2 && t.ptr[0] == '[') {
        t.ptr++;
        t.len -= 2;
        t = text_trim(t);
    }
    if (t.len == 0)
        return;
    if ((buf->len > 0 && buf_str(buf, ",") < 0) || buf_text(buf, t) < 0)
        fold->incomplete = true;
}

static void add_signature(struct fold *fold, struct fold_choice *choice, const gw_event *event)
{
    bool redacted = text_ends(view_text(event->id), TEXT(FOLD_REDACTED));
    struct fold_thought *t = thought_of(fold, choice, event, redacted);
    if (redacted)
        t->redacted = arena_text(fold->arena, event->text.ptr != NULL ? view_text(event->text) : TEXT(""));
    else if (event->data.len > 0)
        t->entry = arena_text(fold->arena, view_text(event->data));
    else
        t->signature = arena_text(fold->arena, view_text(event->text));
}

void fold_event(struct fold *fold, const gw_event *event)
{
    if (event->type == GW_EVENT_START) {
        if (event->text.len > 0)
            fold->model = arena_text(fold->arena, view_text(event->text));
        return;
    }
    if (event->type == GW_EVENT_USAGE || event->type == GW_EVENT_ERROR || event->type == GW_EVENT_BODY ||
        event->type == GW_EVENT_ORIGIN)
        return;
    struct fold_choice *c = choice_of(fold, event->index);
    struct fold_call *call;
    switch (event->type) {
    case GW_EVENT_TEXT:
        add(fold, &c->text, event->text);
        break;
    case GW_EVENT_REFUSAL:
        add(fold, &c->refusal, event->text);
        break;
    case GW_EVENT_REASONING:
        add(fold, &c->reasoning, event->text);
        if (event->id.len > 0) {
            struct fold_thought *t = thought_of(fold, c, event, false);
            if (t->text.len == 0 && event->data.len > 0)
                t->first = arena_text(fold->arena, view_text(event->data));
            add(fold, &t->text, event->text);
        }
        break;
    case GW_EVENT_SIGNATURE:
        if (event->id.len > 0)
            add_signature(fold, c, event);
        break;
    case GW_EVENT_TOOL_CALL:
        call = call_of(fold, c, event->item);
        call->id = arena_text(fold->arena, view_text(event->id));
        call->name = arena_text(fold->arena, view_text(event->text));
        call->extra = arena_text(fold->arena, view_text(event->data));
        break;
    case GW_EVENT_TOOL_ARGS:
        add(fold, &call_of(fold, c, event->item)->args, event->text);
        break;
    case GW_EVENT_CUSTOM_ARGS:
        call = call_of(fold, c, event->item);
        call->custom = true;
        add(fold, &call->args, event->text);
        break;
    case GW_EVENT_CITATION:
        add_json(fold, &c->annotations, event->data);
        break;
    case GW_EVENT_LOGPROBS:
        add_json(fold, &c->logprobs, event->data);
        break;
    case GW_EVENT_MEDIA:
        add_json(fold, &c->media, event->data);
        break;
    case GW_EVENT_FINISH:
        c->finish = arena_text(fold->arena, view_text(event->text));
        c->native = arena_text(fold->arena, view_text(event->code));
        break;
    default:
        break;
    }
}
