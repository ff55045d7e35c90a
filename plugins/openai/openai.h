/* openai.h - what the files of this folder share. openai.c makes the plugin openai of them, azure.c the plugin azure. */
#ifndef OPENAI_H
#define OPENAI_H

#include <gateway/host.h>
#include <gateway/provider.h>
#include <stdbool.h>

#include "services.h"

/* An instance: its settings, read-only after open(). Azure's begins with one. */
struct openai {
    const gw_host *host;
    char *organization, *project;         /* NULL: not set */
    const struct openai_service *service; /* NULL: the one whose address is used */
};

/* A piece of a tool call's arguments. */
struct piece {
    struct piece *next;
    gw_str text;
};

/* The format of a block of reasoning_details that is Google's signature of the call `id`. */
#define OPENAI_GOOGLE_FORMAT "google-gemini-v1"

/* A tool call. */
struct tool {
    struct tool *next; /* the one that began before it */
    struct tool *newer;
    struct tool *next_named; /* of those that have a name and are not opened */
    int64_t key;             /* the upstream's index; -1: it gave none */
    gw_str id;               /* as the upstream names it, may be empty */
    uint32_t item;
    bool opened;   /* TOOL_CALL was emitted */
    bool has_args; /* arguments were */
    bool custom;
    gw_str name;             /* until it is opened: as far as it was received */
    struct piece *held;      /* arguments that came before the name, in order */
    struct piece **held_end; /* where the next goes */
};

/* seek.c: what is found by its choice, the upstream's number and its id; each may be one of these. */
#define OPENAI_ANY_KEY INT64_MIN          /* a call by its id alone */
#define OPENAI_CHOICE_KEY (INT64_MIN + 1) /* the choice itself */
struct seek {
    struct seek_slot *slots; /* memory of the call */
    size_t cap, count;
};

/* One choice of the answer. */
struct choice {
    struct choice *next;
    uint32_t index;
    uint32_t tool_count;
    struct tool *tools;              /* newest first */
    struct tool *oldest;             /* from which none was ended */
    struct tool *named, *last_named; /* to be opened when something else begins, in order */
    uint32_t block;                  /* of reasoning: the one whose text was emitted last */
    bool has_deltas;
    bool finished; /* what comes now is not passed on */
    bool called;   /* its finish reason is calls, which may come as another choice */
};

/* What is known of the answer after the frames so far. Memory of the call; made by build(), or by the first
 * read() without one. */
struct answer_state {
    struct choice *choices, *last;        /* in the order in which they came */
    struct seek seek;                     /* choices and their calls, by what the upstream calls them */
    gw_str id;                            /* of the answer */
    struct short_name *names;             /* of tools, that the request shortened */
    const struct openai_service *service; /* that was asked; NULL: not known */
    uint32_t operation;                   /* GW_OP_* that was asked for; 0: not known, the answer's shape shows it */
    uint32_t dialect;
    bool one;          /* one message was asked for */
    gw_str model;      /* that was asked; may be empty */
    signed char signs; /* does it want signatures of its calls back? 1 yes, -1 no, 0: nobody has looked */
    bool started;      /* START was emitted */
    bool cited;        /* citations were */
    bool broken;       /* a choice ended with an error */
    bool failed;       /* ERROR was emitted: nothing follows it */
    bool finished;     /* of an answer without choices: FINISH was emitted */
};

/* One frame being read. */
struct reader {
    const struct openai *openai;
    const gw_host *h;
    gw_call *call;
    gw_emit emit;
    struct answer_state *state;
    const gw_frame *frame;
    const gw_json *root;  /* of the frame; NULL for the end mark */
    const gw_json *broke; /* a choice of it that has an error; NULL: none has */
};

/* request.c */

/* Notes what was asked for: what read() needs to know. False when there is no memory. */
bool openai_note(const struct openai *openai, const struct openai_service *service, gw_call *call,
                 const gw_request *req);
/* The path below the API's root. Absent when the service does not have it: then explain() has
 * reported it. */
gw_str openai_path(const struct openai *openai, const struct openai_service *service, gw_call *call,
                   const gw_request *req);
/* Method, Content-Type, Accept and what goes along of the client's headers. */
void openai_headers(const struct openai *openai, gw_call *call, const gw_request *req, gw_http *out);
/* Authorization: Bearer, when there is a secret. */
void openai_bearer(const struct openai *openai, gw_call *call, const gw_request *req, gw_http *out);
gw_status openai_build(void *instance, gw_call *call, const gw_request *req, gw_http *out);
/* For gw_provider_ops; the rows of fields.c that are about the model. */
const gw_capability *openai_capability(void *instance, const gw_request *req, uint32_t index);

/* A body being written for a service from a canonical request. */
struct body_writer {
    const gw_host *h;
    gw_call *call;
    const gw_request *req;
    const struct openai_service *service;
    struct openai_asked asked;
    gw_writer *w;
    gw_status status;
};

static inline void openai_key(struct body_writer *w, const char *name)
{
    w->h->write->key(w->w, (gw_str){ name, __builtin_strlen(name) });
}
/* lookup.c: for who asks for many rows; memory of the call, NULL where there is none. Not for another service, nor for
 * another request. */
const struct openai_index *openai_index(const gw_host *h, gw_call *call, const struct openai_service *service,
                                        const struct openai_asked *asked);
/* body.c: req->body as the service takes it. */
gw_status openai_write_body(const struct openai *openai, const struct openai_service *service, gw_call *call,
                            const gw_request *req, gw_http *out);
/* The row that states what becomes of a field. Never NULL. */
const gw_capability *openai_row_for(const struct body_writer *w, const char *field);
/* Reports a field that is left out or changed. */
void openai_drop(struct body_writer *w, const gw_capability *row);
/* Gives the request up: the client must change it. */
void openai_refuse(struct body_writer *w, const gw_capability *row);
/* Is the value the default? Then it is no loss. */
bool openai_is_default(const struct body_writer *w, gw_str name, const gw_json *value);
/* Writes the value of a member, whose name was written, in a way of its own. False: it has none. */
typedef bool openai_write_member(struct body_writer *w, gw_str name, const gw_json *value);
/* The object without cache markers, unless the service takes them, and without what only the gateway reads; `special`:
 * NULL, or which of its members are changed. */
void openai_copy_clean(struct body_writer *w, const gw_json *object, openai_write_member *special);
/* Is this a member that openai_copy_clean() leaves out? It has been reported, then. */
bool openai_is_unclean(struct body_writer *w, gw_str name);

/* Is a member of the name `other` there, which replaces it? Where its value differs, that is reported. */
bool openai_is_said(struct body_writer *w, gw_str name, const gw_json *value, const char *other);

/* schema.c: the parameters of a tool, as OpenAI takes them where it is asked. */
enum openai_root { ROOT_FINE, ROOT_BARE, ROOT_BAD };
/* What stands against the schema, of what the service's tables know; what is sent changed is reported. */
enum openai_root openai_root(struct body_writer *w, const gw_json *schema);
/* Writes the schema without what stands against it. */
void openai_write_schema(struct body_writer *w, const gw_json *schema, enum openai_root root);

/* strict.c: would OpenAI enforce it? Also what is no schema at all. */
bool openai_is_strict(const struct body_writer *w, const gw_json *schema);

/* members.c: writes the member when it has a way of its own, wherever the table carries or translates it. */
bool openai_write_special(struct body_writer *w, gw_str name, const gw_json *value);
/* At the end: writes what a forced call needs about thinking. */
void openai_end_thinking(struct body_writer *w);

/* names.c: an id of a call as it is sent: a shorter one where it is too long. It lives as long as the call and the
 * request. */
gw_str openai_tool_id(struct body_writer *w, gw_str id);
/* A tool of that name is declared: calls of it get the name back whole. */
void openai_note_name(struct body_writer *w, gw_str name);
/* For openai_copy_clean(): the member "name" of a function or of another tool, shortened where it is too long. */
bool openai_write_name(struct body_writer *w, gw_str name, const gw_json *value);
/* A choice of tools: in it each member "name" is the name of one. */
void openai_copy_choice(struct body_writer *w, const gw_json *value);
/* The name that the request's body had before it was shortened, or `name`. */
gw_str openai_whole_name(const struct reader *r, gw_str name);

/* turns.c */

enum { TURN_OTHER, TURN_SYSTEM, TURN_USER, TURN_ASSISTANT, TURN_TOOL };

/* A message, where the service wants it. */
struct turn {
    const gw_json *message;
    unsigned role; /* TURN_* that it is sent with */
    bool reminder; /* the system's, sent as the user's */
    bool joins;    /* is one message with the turn before it */
};

/* As many as there are messages, in the order in which they are sent; memory of the call. NULL: there is none left,
 * which is in w->status. */
struct turn *openai_turns(struct body_writer *w, const gw_json *messages);

/* messages.c: the member "messages". */
void openai_write_messages(struct body_writer *w, const gw_json *messages);

/* content.c: the value of a message's "content". `mark` goes before the text: that a tool failed; `refusal` behind it:
 * where a service knows it as text only. */
void openai_write_content(struct body_writer *w, const gw_json *content, gw_str mark, gw_str refusal);
/* The same of several turns that are one message. */
void openai_write_joined(struct body_writer *w, const struct turn *turns, size_t count, gw_str mark);
/* Texts with a blank line between them, in memory of the call; empty ones leave none. */
gw_str openai_join_texts(struct body_writer *w, const gw_str *texts, size_t count);

/* read.c: the answer, whole or in pieces. */
gw_status openai_read(void *instance, gw_call *call, const gw_frame *frame, gw_emit emit);
/* START, when it was not emitted yet: before anything else of the answer. */
void openai_start(struct reader *r);
/* FINISH of an answer that has no choices, once. */
void openai_finish(struct reader *r, gw_str word);

/* message.c: a message or delta of a choice; `whole` when each of its tool calls is complete. */
void openai_message(struct reader *r, struct choice *choice, const gw_json *message, bool whole);
/* An event with a text, or with JSON; nothing when it is empty. */
void openai_emit_text(struct reader *r, uint32_t type, const struct choice *choice, uint32_t item, gw_str text);
void openai_emit_data(struct reader *r, uint32_t type, const struct choice *choice, gw_str json);

/* responses.c: is this an answer, or an event, of the responses API? */
bool openai_is_response(const struct reader *r, const gw_json *root);
void openai_response(struct reader *r, const gw_json *root);

/* NULL when there is none. */
void *openai_seek(const struct seek *seek, uint32_t choice, int64_t key, gw_str id);
/* `id` and `found` are kept. What had that name before is not found any more. */
void openai_seek_put(struct reader *r, struct seek *seek, uint32_t choice, int64_t key, gw_str id, void *found);

/* tools.c: the member "tool_calls" of a message or delta; `whole` when each element is a complete call. */
void openai_tool_calls(struct reader *r, struct choice *choice, const gw_json *calls, bool whole);
/* The member "function_call" of before there were tools. */
void openai_function_call(struct reader *r, struct choice *choice, const gw_json *call);
/* Emits the calls that still wait for more of their names: nothing more will come. */
void openai_end_calls(struct reader *r, struct choice *choice);

/* usage.c: a usage object into disjoint buckets, emitted. */
void openai_usage(struct reader *r, const gw_json *usage);
/* The member "meta" of a rerank answer, which has billed units in the place of usage. */
void openai_billed(struct reader *r, const gw_json *meta);

/* error.c: an error body of any shape as one ERROR event. `root` is NULL when the body is not JSON. */
void openai_error(struct reader *r, const gw_json *root);

/* text.c: small things. */
static inline const gw_json *openai_get(const struct reader *r, const gw_json *object, gw_str name)
{
    return r->h->json->get(object, name);
}
static inline gw_str openai_str(const struct reader *r, const gw_json *object, gw_str name)
{
    return r->h->json->str(r->h->json->get(object, name));
}
static inline gw_str openai_lit(const char *s)
{
    return (gw_str){ s, __builtin_strlen(s) };
}
static inline bool openai_same(gw_str a, gw_str b)
{
    return a.len == b.len && (a.len == 0 || __builtin_memcmp(a.ptr, b.ptr, a.len) == 0);
}
/* The two are asked so often, most often of a table, that most answers come from the first letters. */
static inline bool openai_starts(gw_str s, const char *beginning)
{
    for (size_t i = 0; beginning[i] != '\0'; i++)
        if (i == s.len || s.ptr[i] != beginning[i])
            return false;
    return true;
}
static inline bool openai_is(gw_str s, const char *word)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] != word[i] || word[i] == '\0')
            return false;
    return word[s.len] == '\0';
}
/* Does `s` have `part` in it, ASCII case folded? */
bool openai_has(gw_str s, const char *part);
/* A copy in memory of the call; empty when there is no room. */
gw_str openai_keep(const struct reader *r, gw_str s);
/* `a` and `b` one after another in memory of the call; absent when there is no room. */
gw_str openai_join(const gw_host *host, gw_call *call, gw_str a, gw_str b);
/* A setting as a string of its own: free() it. NULL when it is absent or empty. */
char *openai_setting(const gw_host *host, const gw_json *config, gw_str name);

#endif
