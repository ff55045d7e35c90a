/* capability.c - THE table of what becomes of a chat: what is sent in another way, what is left out, what is refused
 * for what Anthropic or one model of its cannot do. Code that leaves something out names a row of it, so nothing is
 * left out that does not stand here. What each model takes is in models.c; the two columns of conditions ask for it.
 * What is refused because it is no chat at all (a list that is none, a call without an id) is not here. */
#include "anthropic.h"

#include <stdio.h>

/* What a condition can ask of a model, beside its CAN_* bits. */
enum {
    THINKS = 1 << 8, /* in one of two ways: */
    BY_BUDGET = 1 << 9,
    BY_EFFORT = 1 << 10,
    DISABLED = 1 << 11, /* how thinking is turned off */
    BETWEEN = 1 << 12,
    NEVER_OFF = 1 << 13,
    HAS_XHIGH = 1 << 14,
    HAS_MOST = 1 << 15, /* its longest answer is known */
};

struct field_rule {
    enum limit id;         /* by which a row is named; rows of one id and field have the same text */
    uint32_t needs, lacks; /* it stands for models that have all of these and none of those */
    gw_capability row;
};

#define ROW(how, field, when, as, why)                                                                                 \
    {                                                                                                                  \
        sizeof(gw_capability), how, field, when, as, why                                                               \
    }
#define CARRIED(field, when) ROW(GW_FIELD_CARRIED, field, when, NULL, NULL)
#define SENT(field, when, as) ROW(GW_FIELD_TRANSLATED, field, when, as, NULL)
#define DROPPED(field, when, why) ROW(GW_FIELD_DROPPED, field, when, NULL, why)
#define REFUSED(field, when, why) ROW(GW_FIELD_REFUSED, field, when, NULL, why)

#define OPAQUE "Anthropic takes an opaque id of at most 256 bytes, no address or number of a person"

#define ONE_ID "Anthropic takes one id: the first of safety_identifier, user and metadata.user_id"
#define NOT_EMPTY "not null, false, 0 or empty"
#define UNREAD "Anthropic knows no such member there"

/* clang-format off */

/* Three members of a chat set how much to think. */
#define EACH_WISH(how, id, needs, lacks, when, text)         \
    {id, needs, lacks, how("reasoning_effort", when, text)}, \
    {id, needs, lacks, how("reasoning", when, text)},        \
    {id, needs, lacks, how("thinking", when, text)}

static const struct field_rule table[] = {
    /* What Anthropic has and names in the same way. */
    {NO_LIMIT, 0, 0, CARRIED("model", NULL)},
    {NO_LIMIT, 0, 0, CARRIED("messages", NULL)},
    {NO_LIMIT, 0, 0, SENT("messages", "not begun by the user", "a user's turn \".\" before them")},
    {LOSS_PREFILL, 0, CAN_PREFILL, DROPPED("messages", "ending with an assistant's",
                                           "this model takes no beginning of its answer: a user's turn \"Continue.\" is sent behind it")},
    {NO_LIMIT, 0, 0, CARRIED("stream", NULL)},
    {NO_LIMIT, 0, 0, CARRIED("stream_options", NULL)}, /* this one and the next are the gateway's own affair */
    {NO_LIMIT, 0, 0, CARRIED("include_reasoning", NULL)},
    {NO_LIMIT, 0, 0, CARRIED("cache_control", NULL)},
    {LOSS_MARKERS, 0, 0, DROPPED("cache_control", "more than four, with those of messages and tools",
                                 "Anthropic takes four markers: the last four are sent")},
    {LOSS_MARKER_PLACE, 0, 0, DROPPED("cache_control", "on an empty text, on thinking, within a later system message",
                                      "there is nothing there that could carry it")},

    /* The answer would be another one. */
    {REFUSAL_N, 0, 0, REFUSED("n", "over 1", "Anthropic gives one answer only")},
    {REFUSAL_LOGPROBS, 0, 0, REFUSED("logprobs", "true", "Anthropic tells no probabilities")},
    {REFUSAL_LOGPROBS, 0, 0, REFUSED("top_logprobs", "over 0", "Anthropic tells no probabilities")},
    {REFUSAL_SOUND, 0, 0, REFUSED("modalities", "other than text", "Anthropic answers in text only")},
    {REFUSAL_SOUND, 0, 0, REFUSED("audio", NULL, "Anthropic answers in text only")},
    {REFUSAL_FUNCTIONS, 0, 0,
     REFUSED("functions", NULL, "functions and function_call are of the old form: send tools and tool_choice")},
    {REFUSAL_FUNCTIONS, 0, 0,
     REFUSED("function_call", NULL, "functions and function_call are of the old form: send tools and tool_choice")},

    /* How long, and in which words. */
    {NO_LIMIT, 0, 0, CARRIED("max_tokens", NULL)},
    {NO_LIMIT, 0, 0, SENT("max_tokens", "neither it nor max_completion_tokens is there",
                          "max_tokens of the provider's settings, else what the model takes, at most 20000")},
    {LOSS_LENGTH, HAS_MOST, 0,
     DROPPED("max_tokens", "more than the model writes", "this model writes less: its most is sent")},
    {NO_LIMIT, 0, 0, SENT("max_completion_tokens", NULL, "max_tokens")},
    {LOSS_LENGTH, HAS_MOST, 0,
     DROPPED("max_completion_tokens", "more than the model writes", "this model writes less: its most is sent")},
    {NO_LIMIT, CAN_SAMPLE, 0, CARRIED("temperature", "up to 1")},
    {LOSS_TEMPERATURE_HIGH, CAN_SAMPLE, 0,
     DROPPED("temperature", "over 1", "Anthropic's highest is 1, which is sent")},
    {LOSS_TEMPERATURE_THINKS, CAN_SAMPLE | THINKS, 0,
     DROPPED("temperature", "other than 1, beside thinking", "it is 1 where the model thinks")},
    {LOSS_SAMPLING, 0, CAN_SAMPLE,
     DROPPED("temperature", "other than 1", "this model takes no sampling parameters")},
    {NO_LIMIT, CAN_SAMPLE, 0, CARRIED("top_p", NULL)},
    {LOSS_TOP_P_THINKS, CAN_SAMPLE | THINKS, 0,
     DROPPED("top_p", "under 0.95, beside thinking", "it is 0.95 or more where the model thinks")},
    {LOSS_TOP_P_BOTH, CAN_SAMPLE, CAN_BOTH,
     DROPPED("top_p", "under 1, beside temperature", "this model takes temperature or top_p, not both")},
    {LOSS_SAMPLING, 0, CAN_SAMPLE, DROPPED("top_p", "under 1", "this model takes no sampling parameters")},
    {NO_LIMIT, CAN_SAMPLE, 0, CARRIED("top_k", NULL)},
    {LOSS_TOP_K_THINKS, THINKS, 0, DROPPED("top_k", "beside thinking", "not where the model thinks")},
    {LOSS_SAMPLING, 0, CAN_SAMPLE, DROPPED("top_k", NULL, "this model takes no sampling parameters")},
    {NO_LIMIT, 0, 0, SENT("stop", NULL, "stop_sequences")},
    {LOSS_STOP, 0, 0,
     DROPPED("stop", "white space alone", "Anthropic takes no stop sequence of white space alone")},

    /* How much to think: think.c. */
    EACH_WISH(SENT, NO_LIMIT, 0, DISABLED | BETWEEN | NEVER_OFF, "none", "no thinking: it is off unless asked for"),
    EACH_WISH(SENT, NO_LIMIT, DISABLED, 0, "none", "thinking disabled"),
    EACH_WISH(SENT, NO_LIMIT, BETWEEN, 0, "none", "thinking between_tools"),
    EACH_WISH(DROPPED, LOSS_THINKING_OFF, NEVER_OFF, 0, "none", "this model always thinks: the lowest effort is sent"),
    EACH_WISH(SENT, NO_LIMIT, BY_BUDGET, 0, "a level or a budget",
              "thinking enabled, with budget_tokens of what it says, at most four fifths of max_tokens"),
    EACH_WISH(SENT, NO_LIMIT, BY_EFFORT, 0, "a level or a budget",
              "thinking adaptive, and output_config.effort (of a budget: the nearest)"),
    EACH_WISH(DROPPED, LOSS_THINKING, 0, THINKS, "a level or a budget", "this model does not think"),
    {LOSS_OTHER_EFFORT, 0, 0,
     DROPPED("reasoning", "beside reasoning_effort", "reasoning_effort says something else, and counts")},
    {LOSS_OTHER_EFFORT, 0, 0, DROPPED("thinking", "beside reasoning_effort or reasoning",
                                    "reasoning_effort or reasoning says something else, and counts")},
    {LOSS_BELOW, 0, 0, DROPPED("reasoning.*", NOT_EMPTY, UNREAD)},
    {LOSS_BELOW, 0, 0, DROPPED("thinking.*", NOT_EMPTY, UNREAD)},
    EACH_WISH(DROPPED, LOSS_BUDGET_FORCED, BY_BUDGET | CAN_FORCE, 0, "beside a tool that must be called",
              "thinking and a forced tool call exclude each other"),
    EACH_WISH(DROPPED, LOSS_BUDGET_HISTORY, BY_BUDGET, 0, "behind results of calls that came without thinking",
              "the turn before the tool results came without its thinking"),
    EACH_WISH(DROPPED, LOSS_BUDGET_ROOM, BY_BUDGET, 0, "beside a small max_tokens",
              "max_tokens leaves no room for thinking, which takes 1024 or more"),
    EACH_WISH(DROPPED, LOSS_BUDGET_PREFILL, BY_BUDGET | CAN_PREFILL, 0, "beside the beginning of the answer",
              "where the model thinks it takes no beginning of its answer"),
    EACH_WISH(DROPPED, LOSS_EFFORT_FORCED, BY_EFFORT | CAN_FORCE, 0, "beside a tool that must be called",
              "thinking and a forced tool call exclude each other: only the effort is sent"),
    {LOSS_LEVEL_UNKNOWN, 0, 0,
     DROPPED("reasoning_effort", "none of the seven levels", "not a level that Anthropic has")},
    {LOSS_LEVEL, BY_EFFORT, HAS_XHIGH,
     DROPPED("reasoning_effort", "xhigh", "this model has no such level: the nearest below is sent")},
    {LOSS_LEVEL, BY_EFFORT, HAS_XHIGH,
     DROPPED("reasoning", "effort xhigh", "this model has no such level: the nearest below is sent")},
    {LOSS_LEVEL, BY_EFFORT | DISABLED | CAN_FORCE, 0,
     DROPPED("reasoning_effort", "xhigh or max, beside a tool that must be called",
             "this model has no such level: the nearest below is sent")},
    {LOSS_LEVEL, BY_EFFORT | DISABLED | CAN_FORCE, 0,
     DROPPED("reasoning", "effort xhigh or max, beside a tool that must be called",
             "this model has no such level: the nearest below is sent")},

    /* Tools: tools.c, plan.c. */
    {NO_LIMIT, 0, 0, CARRIED("tools", "Anthropic's own, of a dated type")},
    {REFUSAL_TOOL, 0, 0, REFUSED("tools", "of another type",
                                 "is neither a function nor a custom tool nor one of Anthropic's own")},
    {NO_LIMIT, 0, 0, SENT("tools.function", NULL, "name, description and input_schema")},
    {NO_LIMIT, 0, 0, SENT("tools.function.name", "of other letters than a-z, A-Z, 0-9, _ and -, or over 128 of them",
                          "another name, written back in the answer")},
    {NO_LIMIT, 0, 0, SENT("tools.function.parameters", "properties of other letters, or over 64 of them",
                          "other names, written back in the answer")},
    {NO_LIMIT, 0, 0, SENT("tools.function.parameters", "anyOf, oneOf or allOf at the root",
                          "the properties of all in the root; which go together is added to the description")},
    {NO_LIMIT, CAN_STRUCTURE, 0, CARRIED("tools.function.strict", NULL)},
    {LOSS_STRICT, 0, CAN_STRUCTURE, DROPPED("tools.function.strict", "true", "this model knows no strict tools")},
    {NO_LIMIT, 0, 0, SENT("tools.custom", NULL, "a function of one string, and taken out of it in the answer")},
    {LOSS_GRAMMAR, 0, 0, DROPPED("tools.custom.format", "a grammar",
                                 "Anthropic enforces no grammar: the model is told of it")},
    {LOSS_BELOW, 0, 0, DROPPED("tools.*", NOT_EMPTY, UNREAD)},
    {NO_LIMIT, CAN_FORCE, 0, SENT("tool_choice", "required, or a named tool", "any, or tool")},
    {LOSS_FORCE, 0, CAN_FORCE, DROPPED("tool_choice", "required, or a named tool",
                                       "this model cannot be made to call a tool: it is left to it")},
    {LOSS_CHOICE, 0, 0,
     DROPPED("tool_choice", "required, or a named tool, without tools", "the request has no tools")},
    {NO_LIMIT, 0, 0, SENT("tool_choice", "allowed_tools", "only these tools")},
    {NO_LIMIT, 0, 0, SENT("parallel_tool_calls", "false", "tool_choice.disable_parallel_tool_use")},
    {NO_LIMIT, CAN_SEARCH, 0, SENT("web_search_options", NULL, "the tool web_search_20250305")},
    {LOSS_BELOW, 0, 0, DROPPED("web_search_options.*", NOT_EMPTY, UNREAD)},
    {LOSS_SEARCH, 0, CAN_SEARCH, DROPPED("web_search_options", NULL, "this model cannot search")},
    {LOSS_SEARCH_SIZE, CAN_SEARCH, 0,
     DROPPED("web_search_options.search_context_size", "other than medium", "Anthropic has no such thing")},

    /* The shape of the answer: plan.c, schema.c. */
    {NO_LIMIT, CAN_STRUCTURE, 0, SENT("response_format", "json_schema", "output_config.format")},
    {NO_LIMIT, CAN_STRUCTURE, 0, SENT("response_format.json_schema.schema",
                                  "limits of numbers, lengths and sizes, and what else Anthropic's schemas have not",
                                  "words in the description, as in strict tools")},
    {LOSS_BELOW, 0, 0, DROPPED("response_format.*", NOT_EMPTY, UNREAD)},
    {NO_LIMIT, 0, CAN_STRUCTURE,
     SENT("response_format", "json_schema", "a tool that must be called: its arguments are the answer")},
    {LOSS_STRUCTURED_OUTPUT, 0, CAN_STRUCTURE, DROPPED("response_format", "json_schema, beside a named tool that must be called",
                                       "this model gives an answer of a schema or calls the named tool, not both")},
    {LOSS_JSON_OBJECT, 0, 0,
     DROPPED("response_format", "json_object", "json_object is only asked for in the system prompt")},
    {LOSS_OPEN_OBJECT, CAN_STRUCTURE, 0, DROPPED("additionalProperties", "other than false, in a strict schema",
                                             "in a strict schema Anthropic takes closed objects only")},

    /* Who asks, what is kept, what it costs. */
    {NO_LIMIT, 0, 0, SENT("safety_identifier", NULL, "metadata.user_id")},
    {NO_LIMIT, 0, 0, SENT("user", "without safety_identifier", "metadata.user_id")},
    {NO_LIMIT, 0, 0, SENT("metadata", "user_id, without the two", "metadata.user_id")},
    {LOSS_METADATA, 0, 0,
     DROPPED("metadata", "anything but user_id", "Anthropic keeps nothing but the id of a user")},
    {LOSS_PERSON, 0, 0, DROPPED("safety_identifier", "longer, or of a person", OPAQUE)},
    {LOSS_PERSON, 0, 0, DROPPED("user", "longer, or of a person", OPAQUE)},
    {LOSS_PERSON, 0, 0, DROPPED("metadata", "user_id: longer, or of a person", OPAQUE)},
    {LOSS_OTHER_ID, 0, 0, DROPPED("user", "another than safety_identifier", ONE_ID)},
    {LOSS_OTHER_ID, 0, 0, DROPPED("metadata.user_id", "another than safety_identifier or user", ONE_ID)},
    {NO_LIMIT, 0, 0, SENT("service_tier", "default", "standard_only")},
    {LOSS_TIER, 0, 0,
     DROPPED("service_tier", "none of auto, default and standard_only", "Anthropic has no such tier")},
    {NO_LIMIT, 0, 0, SENT("prompt_cache_options", "ttl, beside prompt_cache_breakpoint", "cache_control.ttl")},
    {LOSS_CACHE_OPTIONS, 0, 0,
     DROPPED("prompt_cache_options", "without a breakpoint", "Anthropic's cache is controlled by its markers")},
    {LOSS_CACHE_LIFE, 0, 0, DROPPED("prompt_cache_options", "ttl other than 5m and 1h",
                                    "Anthropic's entries live for 5m or 1h")},
    {NO_LIMIT, 0, 0, SENT("messages.prompt_cache_breakpoint", NULL, "cache_control")},

    /* Messages: turns.c, history.c. */
    {NO_LIMIT, 0, 0, SENT("messages.role", "system, developer: at the head", "system")},
    {NO_LIMIT, CAN_SYSTEM, 0,
     SENT("messages.role", "system, developer: behind a user's and before an assistant's, or last", "role system")},
    {LOSS_LATE_SYSTEM, 0, CAN_SYSTEM, DROPPED("messages.role", "system, developer: not at the head",
     "this model takes no system message there: it is sent as a reminder of the user's")},
    {LOSS_LATE_SYSTEM, CAN_SYSTEM, 0, DROPPED("messages.role", "system, developer: elsewhere",
     "this model takes no system message there: it is sent as a reminder of the user's")},
    {REFUSAL_ROLE, 0, 0, REFUSED("messages.role", "function", "role function is of the old form: send role tool")},
    {LOSS_NAME, 0, 0, DROPPED("messages.name", "of a participant", "Anthropic knows no names of participants")},
    {NO_LIMIT, 0, 0, SENT("messages.refusal", NULL, "text")},
    {LOSS_SOUND, 0, 0, DROPPED("messages.audio", NULL, "Anthropic takes no sound")},
    {REFUSAL_OLD_CALL, 0, 0,
     REFUSED("messages.function_call", NULL, "function_call is of the old form: send tool_calls")},
    {NO_LIMIT, 0, 0, SENT("messages.tool_calls", NULL, "tool_use, or what x_origin says")},
    {LOSS_ARGUMENTS, 0, 0, DROPPED("messages.tool_calls", "arguments that are no object",
                                   "arguments that are no JSON object are sent as a string")},
    {NO_LIMIT, 0, 0, SENT("messages.tool_calls.id", "that Anthropic refuses, or that was there before",
                          "another id, written back in the answer")},
    {NO_LIMIT, 0, 0, SENT("messages.tool", NULL, "tool_result, all of a turn together and first")},
    {NO_LIMIT, 0, 0, SENT("messages.tool", "missing", "an error as the result")},
    {LOSS_RESULT, 0, 0, DROPPED("messages.tool", "twice", "a second result of the same call")},
    {NO_LIMIT, THINKS, 0, SENT("messages.reasoning_details", "signed by Anthropic", "thinking, redacted_thinking")},
    {NO_LIMIT, THINKS, 0, SENT("messages.thinking_blocks", "signed by Anthropic", "thinking, redacted_thinking")},
    {LOSS_UNSIGNED, THINKS, 0, DROPPED("messages.reasoning_content", "unsigned, as reasoning and reasoning_details too",
                                       "without a signature of Anthropic's it is refused")},
    {LOSS_THOUGHT, 0, THINKS,
     DROPPED("messages.reasoning_content", "as reasoning and reasoning_details too", "this model does not think")},
    {LOSS_ONLY_THOUGHT, 0, 0, DROPPED("messages.reasoning_content", "signed, in a message of nothing else",
                                      "Anthropic takes no turn of thinking alone")},
    {NO_LIMIT, 0, 0, SENT("messages.x_origin", "of dialect messages", "its content, instead of the message's")},
    {NO_LIMIT, 0, 0, SENT("messages.x_origin.container", "the last one, until it expires", "container")},
    {NO_LIMIT, 0, 0, CARRIED("container", "the id of one")},
    {LOSS_ORIGIN, 0, 0, DROPPED("messages.x_origin", "of another text or other calls than the message",
                                "the message was changed since, and is sent without it")},
    {LOSS_FOREIGN, 0, 0, DROPPED("messages.x_origin", "of another dialect",
                                 "only the service that it came from can read it")},
    {LOSS_BELOW, 0, 0, DROPPED("messages.*", NOT_EMPTY, UNREAD)},

    /* Content: parts.c. */
    {NO_LIMIT, 0, 0, SENT("messages.content.image_url", NULL, "image")},
    {LOSS_DETAIL, 0, 0, DROPPED("image_url.detail", "other than auto", "Anthropic has no such thing")},
    {REFUSAL_IMAGE, 0, 0, REFUSED("messages.content.image_url", "data of another type",
                                  "Anthropic takes JPEG, PNG, GIF and WebP images")},
    {NO_LIMIT, 0, 0, SENT("messages.content.file", NULL, "document")},
    {REFUSAL_FILE, 0, 0,
     REFUSED("messages.content.file", "data of another type", "Anthropic reads PDF and text files")},
    {REFUSAL_UPLOAD, 0, 0,
     REFUSED("messages.content.file", "file_id of another service",
             "a file that was uploaded elsewhere means nothing to Anthropic: send it as file_data")},
    {REFUSAL_AUDIO, 0, 0, REFUSED("messages.content.input_audio", NULL, "Anthropic takes no sound")},
    {REFUSAL_PART, 0, 0, REFUSED("messages.content", "of another type", "Anthropic takes text, images and files")},
    {REFUSAL_SYSTEM_PART, 0, 0, REFUSED("messages.content", "other than text, of system and developer",
                                        "a system message has text only")},
    {REFUSAL_ASSISTANT_PART, 0, 0, REFUSED("messages.content", "other than text, of the assistant",
                                           "an assistant message has text and tool calls only")},

    /* What Anthropic has not at all. */
    {LOSS_MEMBER, 0, 0, DROPPED("frequency_penalty", "other than 0", "Anthropic has no penalties")},
    {LOSS_MEMBER, 0, 0, DROPPED("presence_penalty", "other than 0", "Anthropic has no penalties")},
    {LOSS_MEMBER, 0, 0, DROPPED("logit_bias", NULL, "Anthropic has no such thing")},
    {LOSS_MEMBER, 0, 0, DROPPED("prediction", NULL, "Anthropic has no predicted outputs")},
    {LOSS_MEMBER, 0, 0, DROPPED("prompt_cache_key", NULL, "Anthropic's cache is found by the prompt alone")},
    {LOSS_MEMBER, 0, 0, DROPPED("prompt_cache_retention", NULL, "Anthropic's cache is controlled by its markers")},
    {LOSS_MEMBER, 0, 0, DROPPED("seed", NULL, "Anthropic has no seed")},
    {LOSS_MEMBER, 0, 0, DROPPED("store", "true", "Anthropic keeps no answers")},
    {LOSS_MEMBER, 0, 0, DROPPED("verbosity", NULL, "Anthropic has no such thing")},
    /* Any member of the chat that stands in no row: it is reported by its own name. The last row, as the first that
     * fits a name counts. */
    {LOSS_MEMBER, 0, 0, DROPPED("*", NOT_EMPTY, "not a parameter of Anthropic's")},
};
/* clang-format on */

enum { ROWS = sizeof table / sizeof *table };

static uint32_t traits_of(const struct model *m)
{
    uint32_t traits = m->can;

    if (m->thinks != THINKS_NOT)
        traits |= THINKS | (m->thinks == THINKS_BY_BUDGET ? BY_BUDGET : BY_EFFORT);
    if (m->thinking_off == THINKING_OFF_DISABLED)
        traits |= DISABLED;
    else if (m->thinking_off == THINKING_OFF_BETWEEN_TOOLS)
        traits |= BETWEEN;
    else if (m->thinking_off == THINKING_OFF_NEVER)
        traits |= NEVER_OFF;
    if (anthropic_has(words(m->efforts), "xhigh"))
        traits |= HAS_XHIGH;
    if (m->most > 0)
        traits |= HAS_MOST;
    return traits;
}

const gw_capability *anthropic_capability(void *instance, const gw_request *req, uint32_t index)
{
    uint32_t traits = traits_of(anthropic_model(req->model));

    (void)instance;
    for (size_t i = 0; i < ROWS; i++) {
        bool stands = (traits & table[i].needs) == table[i].needs && (traits & table[i].lacks) == 0;
        if (stands && index-- == 0)
            return &table[i].row;
    }
    return NULL;
}

/* `field` is NULL where the first row of the limit is the only one, or all have the same text. */
static const gw_capability *row_of(enum limit limit, const char *field)
{
    size_t i = 0;
    while (i + 1 < ROWS && (table[i].id != limit || (field != NULL && strcmp(table[i].row.field, field) != 0)))
        i++;
    return &table[i].row;
}

static void drop(struct request_writer *b, gw_str member, const gw_capability *row)
{
    if (GW_HAS(b->h, dropped) && !b->is_trial)
        b->h->dropped(b->call, member, words(row->why));
}

void anthropic_drop(struct request_writer *b, enum limit limit)
{
    const gw_capability *row = row_of(limit, NULL);
    drop(b, words(row->field), row);
}

void anthropic_drop_of(struct request_writer *b, enum limit limit, const char *field)
{
    drop(b, words(field), row_of(limit, field));
}

const char *anthropic_why(enum limit limit)
{
    return row_of(limit, NULL)->why;
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("$-._", c) != NULL);
}

/* The client's own name, in letters that a header takes, and not all of a long one. */
void anthropic_drop_below(struct request_writer *b, const char *path, gw_str member)
{
    char name[128];
    int len = snprintf(name, sizeof name, "%s.%.*s", path, (int)(member.len < 60 ? member.len : 60), member.ptr);

    for (int i = 0; i < len && i < (int)sizeof name - 1; i++)
        if (!is_plain(name[i]))
            name[i] = '_';
    drop(b, words(name), row_of(LOSS_BELOW, NULL));
}

/* Fields inside of others have names too, which are no members of the chat. */
static bool is_inside(const struct field_rule *rule)
{
    return strchr(rule->row.field, '.') != NULL || rule->id == LOSS_OPEN_OBJECT;
}

void anthropic_drop_member(struct request_writer *b, gw_str member)
{
    size_t i = 0;
    while (i + 1 < ROWS && (!anthropic_is(member, table[i].row.field) || is_inside(&table[i])))
        i++;
    if (table[i].id == LOSS_MEMBER)
        drop(b, member, &table[i].row);
}
