/* messages_inside.h - the messages face between its files. */
#ifndef FACE_MESSAGES_INSIDE_H
#define FACE_MESSAGES_INSIDE_H

#include "base/json.h"
#include "canon/numbered.h"
#include "dialect/messages.h"
#include "face/messages/messages.h"

/* The format of reasoning that Anthropic signed, in reasoning_details and in the id of events. */
#define MESSAGES_FORMAT "anthropic-claude-v1"
#define MESSAGES_REDACTED MESSAGES_FORMAT ":redacted"

/* messages_marker.c: what Anthropic clients must carry for other upstreams, and bring back. */

struct messages_marker {
    struct text format, signature; /* absent when not reported */
    const struct json *entries;    /* one reasoning_details entry or an array of them; NULL when there was none */
};
/* The signature of a thinking block that Anthropic did not make; arena. `entries`: JSON values, comma-separated. */
struct text messages_marker_write(struct arena *arena, struct text format, struct text signature, struct text entries);
/* False when the signature is not such a one; then *out is empty. */
bool messages_marker_read(struct arena *arena, struct text signature, struct messages_marker *out);
/* A tool call's id as Anthropic allows it, and back; arena or the same. */
struct text messages_id_out(struct arena *arena, struct text id);
struct text messages_id_back(struct arena *arena, struct text id);

/* messages_request.c: the canonical request. */

struct messages_request {
    struct arena *arena;
    struct ask *ask;
    struct fail *fail;
    const struct json *body;
    struct json_writer w;
};
const struct json *messages_canonical(struct arena *arena, struct ask *ask, struct fail *fail);

/* messages_loss.c: what has no place in the canonical request is named. */

/* Notes a member, once: "tools.defer_loading". */
void messages_drop(struct messages_request *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The members of `object` that ask for something and are not among the NULL-terminated names; "prefix.name". */
void messages_drop_others(struct messages_request *r, const char *prefix, const struct json *object,
                          const char *const *names);
/* Notes what the blocks of a turn contain that does not arrive. False when one of them is malformed. */
bool messages_check_blocks(struct messages_request *r, const struct json *content, struct text role);

/* messages_tools.c: the members of these names. 0, or -1 with r->fail. */
int messages_write_tools(struct messages_request *r, const char *name, const struct json *tools);
int messages_write_tool_choice(struct messages_request *r, const char *name, const struct json *choice);

/* messages_turn.c: the member "messages", written as a value. 0, or -1 with r->fail. */
int messages_write_turns(struct messages_request *r);

/* messages_reply.c: an assistant turn whose content is an array. */
void messages_write_reply(struct messages_request *r, const struct json *content);

/* messages_part.c: blocks of a turn as parts of a message. */

enum messages_kind {
    KIND_OTHER, /* has no equal */
    KIND_TEXT,
    KIND_IMAGE,
    KIND_DOCUMENT,
    KIND_SEARCH_RESULT,
    KIND_TOOL_USE,
    KIND_TOOL_RESULT,
    KIND_TOOL_REFERENCE,
    KIND_THINKING,
    KIND_REDACTED,
    KIND_SYSTEM,     /* mid_conv_system */
    KIND_COMPACTION, /* a summary of what came before */
    KIND_FALLBACK,   /* an echo that no model sees */
};
enum messages_kind messages_kind(const struct json *block); /* messages_loss.c */
/* May the block become something that carries less than it does? */
bool messages_is_lossy(const struct json *block);
/* Does messages_write_part() write something for it? */
bool messages_is_part(const struct json *block);
/* Writes the block as parts, into an array. Nothing for blocks that are no parts. */
void messages_write_part(struct messages_request *r, const struct json *block);
void messages_write_text_part(struct messages_request *r, struct text text, const struct json *cache_control);
/* Is it a text that can be a message's whole content, as a string? */
bool messages_is_plain(const struct json *block);
/* The member x_origin over the blocks from..to of `content` that `keep` (may be NULL: all) accepts; without what other
 * upstreams signed. */
void messages_write_origin(struct messages_request *r, const struct json *content, size_t from, size_t to,
                           bool (*keep)(const struct json *block));

/* messages_block.c: events become an ordered list of content blocks. */

struct messages_args {
    unsigned depth;
    bool in_string, escaped, done;
};

enum messages_block_kind { BLOCK_TEXT, BLOCK_THINKING, BLOCK_CALL, BLOCK_RAW };

struct messages_block {
    struct messages_block *next;
    struct numbered number; /* CALL: its key */
    enum messages_block_kind kind;
    uint32_t item;
    bool open, closed; /* streams: its start and its stop were written */
    bool custom;       /* CALL: free input */
    bool has_words;    /* TEXT: it is not white space alone */
    bool said_args;    /* CALL, streams */
    struct text id, name;
    struct messages_args args;
    struct text format, signature; /* THINKING */
    struct text entry;             /* THINKING: the reasoning_details entry that its text began with; absent */
    struct text raw;               /* RAW: the block's JSON */
    struct buf held;               /* text or arguments; streams: what is not yet written */
    struct buf extra;              /* TEXT: citations, THINKING: entries; JSON values, comma-separated */
};

struct messages_answer {
    struct arena *arena;
    struct messages_block *first, *last, *last_text;
    struct messages_block *at; /* streams: the first that is not closed */
    struct map calls;          /* blocks by their items */
    bool started;              /* streams: message_start was written */
    bool finished;             /* the finish came: all calls are complete */
    bool refused, has_media;
    uint32_t index;         /* streams: of the next block */
    int64_t input_estimate; /* 0: not made yet */
    size_t bytes;           /* of text that passed, for answers without reported usage */
    size_t call_count;
    struct text finish;      /* the canonical word */
    struct text native;      /* the upstream's own reason; absent where it explains no more */
    struct text finish_more; /* JSON it reported beside that: the stop sequence, or details; absent */
    struct buf refusal;
};

struct messages_answer *messages_answer_new(struct arena *arena);
struct messages_answer *messages_answer_of(struct face_answer *answer);
/* White space alone is no block: Anthropic answers 400 when it comes back ("text content blocks must contain
 * non-whitespace text"). Many upstreams write a line end before or behind their calls. */
bool messages_is_blank(const struct messages_block *block);
/* Names what has no place in an Anthropic answer. */
void messages_name_unshown(struct face_answer *answer, const gw_event *event);
/* Takes one event into the list. */
void messages_take(struct messages_answer *s, const gw_event *event);
/* The signature that ends a thinking block; arena. */
struct text messages_signature(struct messages_answer *s, const struct messages_block *block);

/* messages_write.c: what streams and whole answers share. */

/* The members stop_reason, stop_sequence and stop_details. */
void messages_write_stop(const struct messages_answer *s, struct json_writer *w);
/* The id of a call; where the upstream gave none, one of ours, arena. */
struct text messages_call_id(const struct face_answer *answer, const struct messages_block *block);
/* Do the arguments begin as an object? What does not can only be written as a whole. */
bool messages_is_object(const struct messages_block *block);
/* The usage object, as a value. Estimated where nobody reported one. */
void messages_write_usage(const struct face_answer *answer, struct messages_answer *s, struct json_writer *w);
/* messages_whole.c: the blocks, as values of an array. `all`: blank ones too. */
void messages_write_blocks(const struct face_answer *answer, struct messages_answer *s, bool all,
                           struct json_writer *w);
/* The arguments of a finished call as a JSON object, lent or arena: {} for none; what is no object goes into one. */
struct text messages_input(struct messages_answer *s, const struct messages_block *block);
/* Opens the message object and writes its members up to "model". */
void messages_write_head(const struct face_answer *answer, struct json_writer *w);

/* messages_stream.c, messages_whole.c */
void messages_stream_event(struct face_answer *answer, const gw_event *event, struct buf *out);
void messages_stream_end(struct face_answer *answer, struct buf *out);
void messages_fold_event(struct face_answer *answer, const gw_event *event);
bool messages_fold_end(struct face_answer *answer, struct buf *out);

#endif
