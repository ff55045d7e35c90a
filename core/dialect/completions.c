/* completions.c - OpenAI's legacy text completions on the wire. */
#include "dialect/cut.h"
#include "dialect/openai.h"
#include "dialect/spoken.h"

static size_t spoken(struct text name, struct text data)
{
    static const struct text names[] = { SPOKEN("text"), SPOKEN("reasoning"), { NULL, 0 } };
    static const struct text passed[] = { SPOKEN("annotations"), SPOKEN("logprobs"), { NULL, 0 } };
    (void)name;
    return spoken_in(data, TEXT("\"choices\""), names, passed);
}

static const char *const limits[] = { "max_tokens", NULL };

const struct dialect dialect_completions = {
    .name = "completions",
    .bit = GW_DIALECT_COMPLETIONS,
    OPENAI_COMMON,
    .write_error_event = openai_error_event,
    .limits = limits,
    .write_cut = cut_completions,
    .ping = OPENAI_PING,
    .marks_end = true,
    .splice = openai_splice, /* the same members as a chat's */
    .tap = openai_tap,
    .spoken = spoken,
    .extract = openai_extract,
};
