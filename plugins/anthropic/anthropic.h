/* anthropic.h - what the files of the anthropic provider share. Two stories: a request on its way out (struct
 * building: anthropic.c, capability.c, members.c, plan.c, think.c, cache.c, request.c, turns.c, system.c, parts.c,
 * history.c, tools.c, root.c, schema.c, names.c; rules.c, models.c) and an answer on its way in (struct reader: read.c, block.c, usage.c, error.c). */
#ifndef ANTHROPIC_H
#define ANTHROPIC_H

#include <gateway/host.h>
#include <gateway/provider.h>
#include <stdbool.h>
#include <string.h>

#include "rules.h"

/* The mark of thinking that came from Anthropic, as the chat form carries it. */
#define ANTHROPIC_FORMAT "anthropic-claude-v1"
/* The dialect of an x_origin member that this provider wrote and can take back. */
#define ANTHROPIC_DIALECT "messages"

/* An instance: its settings, read-only after open(). */
struct anthropic {
    const gw_host *host;
    char *version;      /* anthropic-version when we choose it */
    char *betas;        /* always sent; NULL: none */
    int64_t max_tokens; /* for requests that give none; 0: by model */
    bool bearer;        /* Authorization instead of x-api-key */
};

/* What a model takes: a row of the table in models.c. */
enum thinks {
    THINKS_NOT,
    THINKS_BY_BUDGET, /* thinking {enabled, budget_tokens} */
    THINKS_BY_EFFORT, /* thinking {adaptive} and output_config.effort */
};
enum thinking_off {                             /* how thinking is switched off */
                    THINKING_OFF_OMIT,          /* it is off unless asked for */
                    THINKING_OFF_DISABLED,      /* {disabled} */
                    THINKING_OFF_BETWEEN_TOOLS, /* {between_tools} */
                    THINKING_OFF_NEVER,         /* it cannot be */
};
enum {
    CAN_SAMPLE = 1 << 0,    /* temperature, top_p, top_k */
    CAN_BOTH = 1 << 1,      /* temperature together with top_p */
    CAN_STRUCTURE = 1 << 2, /* output_config.format and strict tools */
    CAN_FORCE = 1 << 3,     /* tool_choice any or a named tool */
    CAN_SYSTEM = 1 << 4,    /* role system inside messages */
    CAN_SEARCH = 1 << 5,    /* the web_search server tool */
    CAN_PREFILL = 1 << 6,   /* a request that ends with the beginning of the answer */
};
struct model {
    const char *family; /* "opus" ...; "" any */
    uint16_t since;     /* the first version, 100 * major + minor */
    uint8_t thinks, thinking_off, can;
    uint32_t most;       /* output tokens; 0: not known */
    const char *efforts; /* the levels of output_config.effort, blank-separated; "" none */
    const char *source;  /* the pages that this is from, and when they were read */
};
/* The row for a model's name. Never NULL. Any thread. */
const struct model *anthropic_model(gw_str name);

/* Rows of the table in capability.c: what is left out or sent changed, and what is refused. */
/* clang-format off */
enum limit {
    NO_LIMIT,
    LOSS_MARKERS, LOSS_MARKER_PLACE, LOSS_LENGTH, LOSS_TEMPERATURE_HIGH, LOSS_TEMPERATURE_THINKS, LOSS_SAMPLING,
    LOSS_TOP_P_THINKS, LOSS_TOP_P_BOTH, LOSS_TOP_K_THINKS, LOSS_STOP, LOSS_THINKING_OFF, LOSS_THINKING, LOSS_OTHER_EFFORT,
    LOSS_BUDGET_FORCED, LOSS_BUDGET_HISTORY, LOSS_BUDGET_ROOM, LOSS_EFFORT_FORCED, LOSS_LEVEL_UNKNOWN, LOSS_LEVEL,
    LOSS_STRICT, LOSS_GRAMMAR, LOSS_FORCE, LOSS_CHOICE, LOSS_SEARCH, LOSS_SEARCH_SIZE, LOSS_STRUCTURED_OUTPUT, LOSS_JSON_OBJECT,
    LOSS_OPEN_OBJECT, LOSS_METADATA, LOSS_PERSON, LOSS_OTHER_ID, LOSS_TIER, LOSS_CACHE_OPTIONS, LOSS_CACHE_LIFE,
    LOSS_LATE_SYSTEM, LOSS_NAME, LOSS_SOUND, LOSS_ARGUMENTS, LOSS_RESULT, LOSS_UNSIGNED, LOSS_THOUGHT,
    LOSS_ONLY_THOUGHT, LOSS_PREFILL, LOSS_BUDGET_PREFILL, LOSS_ORIGIN, LOSS_FOREIGN, LOSS_DETAIL, LOSS_BELOW, LOSS_MEMBER,
    REFUSAL_N, REFUSAL_LOGPROBS, REFUSAL_SOUND, REFUSAL_FUNCTIONS, REFUSAL_TOOL, REFUSAL_ROLE, REFUSAL_OLD_CALL,
    REFUSAL_IMAGE, REFUSAL_FILE, REFUSAL_UPLOAD, REFUSAL_AUDIO, REFUSAL_PART, REFUSAL_SYSTEM_PART,
    REFUSAL_ASSISTANT_PART,
    LIMITS
};
/* clang-format on */

/* Bytes that grow in memory of the call. */
struct pile {
    char *ptr;
    size_t len, cap;
};

/* Names to numbers; in memory of the call. Zeroed is empty. */
struct id_slot;
struct ids {
    struct id_slot *slots;
    size_t cap, count;
};

/* What was decided about a request before the first byte of it is written: plan.c. */
struct plan {
    int64_t max_tokens;
    const char *thinking; /* type of "thinking"; NULL: the member is left out */
    int64_t budget;       /* of thinking "enabled" */
    const char *effort;   /* NULL: left out */
    const char *choice;   /* type of "tool_choice"; NULL: left out */
    gw_str choice_name;   /* of choice "tool" */
    bool only_allowed;    /* only the tools named in `allowed` */
    struct ids allowed;
    bool one_call;                    /* disable_parallel_tool_use */
    bool has_tools;                   /* the request has tools of its own */
    bool past_tools;                  /* it has none, but its history has calls */
    const gw_json *structured_output; /* schema of the answer; NULL: free */
    bool output_native;               /* by output_config.format, else by a tool that must be called */
    gw_str output_name, output_about;
    bool json_hint;      /* asked for any JSON object */
    unsigned cache_skip; /* cache markers too many: the first ones are left out */
    bool cache_hour;     /* prompt_cache_breakpoint means a life of an hour */
};

/* A call of the assistant turn being answered. */
struct past_call {
    gw_str id, wire; /* the client's, and as Anthropic gets it */
};

/* A request being written. */
struct request_writer {
    const struct anthropic *anthropic;
    const gw_host *h;
    gw_call *call;
    gw_writer *w;
    const gw_request *req;
    const gw_json *body;
    const struct model *model;
    struct answer_state *state; /* for read(): what must be translated back */
    struct plan plan;
    gw_status status; /* the first thing that went wrong */
    unsigned markers; /* cache markers met so far */
    bool is_trial;    /* the body is written for nobody: nothing is reported */

    const char *turn;         /* role of the message being written; NULL: none is open */
    bool any_turn;            /* one was written */
    struct ids taken;         /* names of tools that are sent */
    struct tool_name *naming; /* the tool whose schema is being written, where it is written anew */
    struct ids seen;          /* ids of all calls so far */
    struct ids calls;         /* the client's ids of the calls below, to their place */
    struct past_call *past;
    size_t past_count;
    struct ids results; /* those of the messages that answer them, to their place */
    size_t run_end;     /* where the run of system messages ends, and whether it may stay where it is */
    bool run_stays;
};

/* A block of the answer: block.c. */
struct block;
/* What is known of the answer after the frames so far. Memory of the call. */
struct answer_state {
    /* Written by build(): */
    gw_str output_name;   /* the tool that stands for the answer's schema */
    const gw_str *custom; /* names of custom tools */
    size_t custom_count;
    struct tool_name **names; /* tools that are sent under other names: names.c */
    size_t name_count, name_cap;
    struct ids by_client, by_wire; /* to their place in `names`, from 1 */
    /* Written by read(): */
    struct block *blocks;            /* open ones */
    uint32_t tools, thoughts, texts; /* how many there were */
    uint64_t chars;                  /* code points of text */
    bool started, finished, failed, counted;
    struct counts { /* -1: not reported */
        int64_t input, read, write, write_5m, write_1h, output, thinking, server_tools;
    } counts;
};

/* One frame being read. */
struct reader {
    const struct anthropic *anthropic;
    const gw_host *h;
    gw_call *call;
    gw_emit emit;
    struct answer_state *state;
    const gw_frame *frame;
    gw_status status;
    bool complete; /* with this frame */
};

/* text.c: bytes. */
bool anthropic_is(gw_str s, const char *word);
bool anthropic_has(gw_str s, const char *part);  /* ASCII case folded */
bool anthropic_same(gw_str s, const char *word); /* ASCII case folded */
bool anthropic_starts(gw_str s, const char *start);
bool anthropic_is_blank(gw_str s); /* nothing but white space: Anthropic takes no such text */
/* One after another in memory of the call; {NULL,0} without memory. */
gw_str anthropic_join(const gw_host *h, gw_call *call, const gw_str *parts, size_t count);
gw_str anthropic_keep(const gw_host *h, gw_call *call, gw_str s);
/* False without memory. */
bool anthropic_pile(const gw_host *h, gw_call *call, struct pile *pile, gw_str s);
/* {NULL,0} when it is not base64. */
gw_str anthropic_unbase64(const gw_host *h, gw_call *call, gw_str s);
bool anthropic_is_text(gw_str s); /* UTF-8 without NUL bytes, as a text in a chat is */
/* JSON of the upstream's in one line, since it may go into a line of a stream: between values a line end is a blank,
 * and within strings there is none. Memory of the call. */
gw_str anthropic_one_line(struct reader *r, gw_str json);

/* ids.c: ids of tool calls. Anthropic takes letters, digits, - and _ only. */
gw_str anthropic_wire_id(const gw_host *h, gw_call *call, gw_str id);
/* The other way: what anthropic_wire_id() made of `id`, undone; anything else as it is. */
gw_str anthropic_client_id(const gw_host *h, gw_call *call, gw_str wire);
bool ids_find(const struct ids *ids, gw_str key, size_t *value);
/* False without memory. `key` is kept; it is not there yet. */
bool ids_add(const gw_host *h, gw_call *call, struct ids *ids, gw_str key, size_t value);
void ids_clear(struct ids *ids);

/* anthropic.c: the client must change the request. The first such word stands. Where it is for what Anthropic cannot
 * do, the text has anthropic_why() in it. */
void anthropic_refuse(struct request_writer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* capability.c: the table. */
const gw_capability *anthropic_capability(void *instance, const gw_request *req, uint32_t index);
/* The field of this row is not carried; where there are several, the one that is named. */
void anthropic_drop(struct request_writer *b, enum limit limit);
void anthropic_drop_of(struct request_writer *b, enum limit limit, const char *field);
/* A member of the chat, unless it stands in a row that leaves it to other code. */
void anthropic_drop_member(struct request_writer *b, gw_str member);
/* The member `member` of what stands at `path` ("messages.content"), which nobody reads. */
void anthropic_drop_below(struct request_writer *b, const char *path, gw_str member);
/* The row's text for the client. Never NULL for a loss or a refusal. */
const char *anthropic_why(enum limit limit);

/* members.c: nothing is lost where a member states the default: null, false, 0, or nothing. */
bool anthropic_says_nothing(const struct request_writer *b, const gw_json *value);
/* Reports the members of `object` that are neither `known` nor among `more` (each ended by NULL, or NULL). */
void anthropic_tell_others(struct request_writer *b, const char *path, const gw_json *object, const char *const *known,
                           const char *const *more);
/* The same for all of a chat but its own members and its tools. */
void anthropic_tell_unread(struct request_writer *b);

/* names.c: names that Anthropic does not take. Of the tools first those that stay, then those that change. */
void anthropic_take_tool_name(struct request_writer *b, gw_str name);
void anthropic_name_tool(struct request_writer *b, gw_str name);
gw_str anthropic_wire_name(struct request_writer *b, gw_str name);
gw_str anthropic_client_name(const struct reader *r, gw_str wire);
/* Properties of a tool: between begin and end each is named, then asked for. */
void anthropic_begin_members(struct request_writer *b, gw_str tool);
void anthropic_name_member(struct request_writer *b, gw_str name);
gw_str anthropic_wire_member(const struct request_writer *b, gw_str name);
void anthropic_end_members(struct request_writer *b);
/* Arguments of an earlier call, as a value. */
void anthropic_write_arguments(struct request_writer *b, gw_str tool, const gw_json *arguments);
/* The tool of a call, where its arguments must be renamed; else NULL. */
const struct tool_name *anthropic_renamed(const struct reader *r, gw_str wire);
/* Arguments being renamed piece by piece. Zeroed but for `tool` at the start. */
struct rename {
    const struct tool_name *tool;
    struct pile name;
    unsigned depth;
    bool in_string, escaped, in_name, before_name;
};
/* The piece with the client's names, as far as they have come. Memory of the call. */
gw_str anthropic_rename(struct reader *r, struct rename *rename, gw_str piece);

/* The steps of a request. */
void anthropic_plan(struct request_writer *b);                       /* plan.c */
void anthropic_plan_names(struct request_writer *b);                 /* tools.c: which of them change */
void anthropic_plan_thinking(struct request_writer *b, bool forced); /* think.c, with plan.max_tokens */
void anthropic_plan_cache(struct request_writer *b);                 /* cache.c, when all else is planned */
void anthropic_write(struct request_writer *b);                      /* request.c */
void anthropic_write_turns(struct request_writer *b);                /* turns.c: "system" and "messages" */
void anthropic_write_tools(struct request_writer *b);                /* tools.c: "tools" and "tool_choice" */
/* root.c: the schema of a tool, as a value */
void anthropic_write_root(struct request_writer *b, gw_str tool, const gw_json *schema, bool strict);
void anthropic_write_schema(struct request_writer *b, const gw_json *schema, bool is_root); /* schema.c, as a value */
/* A member of it, with its key, where Anthropic takes it; what it does not take, in words. */
void anthropic_write_schema_member(struct request_writer *b, const gw_json *schema, gw_str name, const gw_json *value);
void anthropic_pile_limits(struct request_writer *b, const gw_json *schema, struct pile *pile);

/* system.c: "system" for a developer too. */
gw_str anthropic_role(const struct request_writer *b, const gw_json *message);
/* The member "system", when there is any. The first message that is not the operator's. */
size_t anthropic_write_system(struct request_writer *b, const gw_json *messages);
/* Later than at the head. Newer models take it as it is, behind a user turn and before an assistant's; else it
 * becomes a part of the user's turn, in the tag that Claude knows for what the operator puts there. */
void anthropic_write_later_system(struct request_writer *b, const gw_json *messages, size_t index);

/* turns.c: opens a block of a message of that role ("user" ...), and the message when it is another one; NULL: a
 * block of the array that is open. The object is open: write its members and close it. */
void anthropic_begin_block(struct request_writer *b, const char *role);

/* parts.c: content of a message of `role`, as blocks. `mark` is the message where its cache marker is the last
 * block's, else NULL. `is_last`: the request ends with it. The number of blocks. */
size_t anthropic_write_content(struct request_writer *b, const char *role, const gw_json *content, const gw_json *mark,
                               bool is_last);
bool anthropic_write_text(struct request_writer *b, const char *role, gw_str text, const gw_json *mark);
/* turns.c: the request ends with the beginning of the answer, which the model is to go on with. */
bool anthropic_is_prefilled(struct request_writer *b);
/* The content of a tool's result, as a member "content"; nothing when it is empty. */
void anthropic_write_result(struct request_writer *b, const gw_json *content);

/* cache.c: the member "cache_control" when `holder` has a marker and there are not too many. */
void anthropic_write_marker(struct request_writer *b, const gw_json *holder);
bool anthropic_has_marker(const struct request_writer *b, const gw_json *holder);
/* `holder` is not written: reports its marker, if it has one. */
void anthropic_lose_marker(struct request_writer *b, const gw_json *holder);
/* A block or tool of Anthropic's own as it is; its markers count. Where it has none, it gets that of `mark`. */
void anthropic_copy_block(struct request_writer *b, const gw_json *block, const gw_json *mark);

/* history.c: what an assistant message brings along from an earlier answer of Anthropic. */
bool anthropic_has_thinking(struct request_writer *b, const gw_json *message);
/* An answer that broke off at a tool of Anthropic's own: sent again, it goes on. */
/* The id of the container that code of Anthropic's runs in: the request's own, or the one that the last of its origins
 * names, unless that has expired. Empty: none. */
gw_str anthropic_container(const struct request_writer *b);
bool anthropic_is_paused(struct request_writer *b, const gw_json *message);
void anthropic_write_thinking(struct request_writer *b, const gw_json *message);
/* The blocks as they came, when the message is unchanged; else NULL. */
const gw_json *anthropic_origin(struct request_writer *b, const gw_json *message);
/* The same of a tool's result: the one block, when it answers the call `id`. */
const gw_json *anthropic_result_origin(struct request_writer *b, const gw_json *message, gw_str id);

/* read.c: the answer, whole or in pieces. */
gw_status anthropic_read(void *instance, gw_call *call, const gw_frame *frame, gw_emit emit);
void anthropic_emit(struct reader *r, uint32_t type, uint32_t item, gw_str id, gw_str text, gw_str data);
/* A piece of text block `item`. */
void anthropic_emit_text(struct reader *r, uint32_t item, gw_str text);
/* May it be the data of an event? Upstreams' JSON is read without a look for members that are there twice. */
bool anthropic_is_json(struct reader *r, gw_str json);
/* block.c */
void anthropic_block_start(struct reader *r, int64_t index, const gw_json *block);
void anthropic_block_delta(struct reader *r, int64_t index, const gw_json *delta);
void anthropic_block_stop(struct reader *r, int64_t index);
/* Those that are still open, in the order in which they began. */
void anthropic_close_blocks(struct reader *r);
/* usage.c: `first` when more is to come, and the output's count is not final. */
void anthropic_usage(struct reader *r, const gw_json *usage, bool first);
/* error.c: an error body as one ERROR event; `root` is NULL when it is not JSON. */
void anthropic_error(struct reader *r, const gw_json *root);
/* The same for a fault that we have found: the upstream's (502). */
void anthropic_fail(struct reader *r, gw_str text);

/* Reading JSON. What is missing is NULL, and NULL is accepted everywhere. */
static inline const gw_json *get(const gw_host *h, const gw_json *object, const char *name)
{
    return h->json->get(object, (gw_str){ name, strlen(name) });
}
static inline gw_str get_str(const gw_host *h, const gw_json *object, const char *name)
{
    return h->json->str(get(h, object, name));
}
static inline bool is_type(const gw_host *h, const gw_json *value, uint32_t type)
{
    return h->json->type(value) == type;
}
static inline bool is_null(const gw_host *h, const gw_json *value)
{
    uint32_t type = h->json->type(value);
    return type == GW_JSON_NULL || type == GW_JSON_ABSENT;
}
/* The elements of an array; 0 for anything else. */
static inline size_t length(const gw_host *h, const gw_json *value)
{
    return is_type(h, value, GW_JSON_ARRAY) ? h->json->count(value) : 0;
}
static inline gw_str words(const char *s)
{
    return (gw_str){ s, strlen(s) };
}

/* Writing JSON. */
static inline void put_key(struct request_writer *b, const char *name)
{
    b->h->write->key(b->w, words(name));
}
static inline void put_str(struct request_writer *b, const char *name, gw_str value)
{
    put_key(b, name);
    b->h->write->str(b->w, value);
}
static inline void put_word(struct request_writer *b, const char *name, const char *value)
{
    put_str(b, name, words(value));
}
static inline void put_copy(struct request_writer *b, const char *name, const gw_json *value)
{
    put_key(b, name);
    b->h->write->copy(b->w, value);
}
static inline void put_object(struct request_writer *b, const char *name)
{
    put_key(b, name);
    b->h->write->object(b->w);
}
static inline void put_array(struct request_writer *b, const char *name)
{
    put_key(b, name);
    b->h->write->array(b->w);
}
static inline void put_close(struct request_writer *b)
{
    b->h->write->close(b->w);
}

#endif
