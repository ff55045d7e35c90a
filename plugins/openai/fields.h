/* fields.h - what the tables of fields.c and fields_services.c are written with. Each row has the source of what it
 * states: a page of the service's documents or a thread of those who met the rule, and when that was looked up. */
#ifndef FIELDS_H
#define FIELDS_H

#include "services.h"

/* A table defines SOURCE before its rows: where they are from, but for those that name their own. */
#define ROW_FROM(source_, how_, field_, when_, as_, why_, ...)                                                         \
    {                                                                                                                  \
        .row = { .size = sizeof(gw_capability),                                                                        \
                 .how = GW_FIELD_##how_,                                                                               \
                 .field = field_,                                                                                      \
                 .when = when_,                                                                                        \
                 .as = as_,                                                                                            \
                 .why = why_ },                                                                                        \
        .source = source_, __VA_ARGS__                                                                                 \
    }
#define ROW(how_, field_, when_, as_, why_, ...) ROW_FROM(SOURCE, how_, field_, when_, as_, why_, __VA_ARGS__)
#define CARRY(field_) ROW(CARRIED, field_, NULL, NULL, NULL, .models = NULL)
#define SAY(field_, as_) ROW(TRANSLATED, field_, NULL, as_, NULL, .models = NULL)
#define DROP(field_, why_) ROW(DROPPED, field_, NULL, NULL, why_, .models = NULL)
#define REFUSE(field_, why_) ROW(REFUSED, field_, NULL, NULL, why_, .models = NULL)
/* With a source of its own. */
#define CARRY_FROM(source_, field_) ROW_FROM(source_, CARRIED, field_, NULL, NULL, NULL, .models = NULL)
#define SAY_FROM(source_, field_, as_) ROW_FROM(source_, TRANSLATED, field_, NULL, as_, NULL, .models = NULL)
#define DROP_FROM(source_, field_, why_) ROW_FROM(source_, DROPPED, field_, NULL, NULL, why_, .models = NULL)
/* `when` in words, and for lookup.c or the place that asks for the row. */
#define DROP_WHEN(on_, when_, field_, why_) ROW(DROPPED, field_, when_, NULL, why_, .on = on_)
#define REFUSE_WHEN(when_, field_, why_) ROW(REFUSED, field_, when_, NULL, why_, .models = NULL)
/* About models of these names. */
#define CARRY_FOR(models_, field_) ROW(CARRIED, field_, NULL, NULL, NULL, .models = models_)
#define DROP_FOR(models_, field_, why_) ROW(DROPPED, field_, NULL, NULL, why_, .models = models_)
/* What is reported for a reasoning effort that the model does not know, and which one is sent. */
#define LEVELS(when_, pairs_, why_, ...)                                                                               \
    ROW(DROPPED, "reasoning_effort", when_, NULL, why_, .on = OPENAI_LEVEL, .levels = pairs_, __VA_ARGS__)
#define LOW_TO_HIGH(...) LEVELS("minimal, xhigh or max", "minimal=low xhigh=high max=high", NO_LEVEL, __VA_ARGS__)
#define NO_THINKING(...)                                                                                               \
    ROW(DROPPED, "reasoning_effort", "unless it is none", NULL, "the model does not reason", .on = OPENAI_THINKING,    \
        __VA_ARGS__),                                                                                                  \
        ROW(TRANSLATED, "reasoning_effort", "none", "nothing: the model does not reason", NULL,                        \
            .on = OPENAI_THINKING_OFF, __VA_ARGS__)
#define TWICE(field_, when_, why_) ROW(DROPPED, field_, when_, NULL, why_, .on = OPENAI_TWICE)
#define TWO_LIMITS                                                                                                     \
    TWICE("max_tokens", "beside another max_completion_tokens",                                                        \
          "max_completion_tokens says the same in a newer way, and is sent")
#define TWO_USERS TWICE("safety_identifier", "beside another user", "the service has one name for both: user is sent")
#define LONG_NAMES                                                                                                     \
    ROW(TRANSLATED, "tools.function.name", "over 64 characters", "a shorter one, which calls give back whole", NULL,   \
        .on = OPENAI_LONG)
#define LONG_IDS                                                                                                       \
    ROW(TRANSLATED, "messages.tool_ids", "over 40 characters", "9 letters and digits", NULL, .on = OPENAI_LONG)
#define END ROW_FROM(NULL, CARRIED, NULL, NULL, NULL, NULL, .models = NULL)

/* The order of messages. All want the results right behind the message that has the calls: OpenAI answers 400 "An
 * assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'". */
#define CALLS_AND_RESULTS                                                                                              \
    SAY_FROM(BEHIND_CALLS, "messages.replies", "one message, where the assistant speaks twice in a row"),              \
        SAY_FROM(BEHIND_CALLS, "messages.results", "the same, right behind their calls")
/* 400 "Invalid value for 'content': expected a string, got null": a turn of which only reasoning was left. */
#define SILENT(words_, text_)                                                                                          \
    ROW(TRANSLATED, "messages.content", "null, where the assistant calls no tool", words_, NULL, .on = OPENAI_SILENT,  \
        .levels = text_)
#define BEHIND_CALLS "platform.openai.com/docs/guides/function-calling, 2026-11"
/* Google's compatible endpoint: a call of Gemini's is signed, and 400 "Function call is missing a thought_signature"
 * where it comes back without. What other models called goes with the word that Google made for that. */
#define GOOGLE "ai.google.dev/gemini-api/docs/thought-signatures (OpenAI compatibility), 2026-11"
#define GOOGLES                                                                                                        \
    ROW_FROM(GOOGLE, TRANSLATED, "messages.extra_content", "not there, beside calls",                                  \
             "one that Google does not check", NULL, .models = "*gemini-3*", .on = OPENAI_UNSIGNED_CALL,               \
             .levels = "skip_thought_signature_validator"),                                                            \
        ROW_FROM(GOOGLE, CARRIED, "messages.extra_content", NULL, NULL, NULL, .models = "*gemini-*"), ONLY_GOOGLE
#define ONLY_GOOGLE                                                                                                    \
    ROW_FROM(GOOGLE, DROPPED, "messages.extra_content", NULL, NULL, "only Google has it", .models = NULL)
/* Chat templates that take a system message at the head only, and turns that alternate. */
#define STRICT_TEMPLATE(source_)                                                                                       \
    LATER_SYSTEM(source_), SAY_FROM(source_, "messages.same_role", "one message"),                                     \
        SAY_FROM(source_, "messages.first", "itself, behind a \".\" of the user's where it is the assistant's")
#define LATER_SYSTEM(source_)                                                                                          \
    ROW_FROM(source_, DROPPED, "messages.role", "system, not at the head", NULL,                                       \
             "it takes a system message at the head only: this one is sent as a reminder of the user's",               \
             .on = OPENAI_LATER)

#define NOT_THERE "the service does not know it"
#define NO_HISTORY "the service does not take reasoning of earlier turns"
#define NO_LEVEL "the model has no such level: the nearest is sent"
#define ALWAYS_THINKS "this model always thinks: the lowest effort is sent"
#define NO_RESPONSES "this service has no responses API"
#define NO_EMBEDDINGS "this service has no embeddings"
#define NO_COMPLETIONS "this service has no text completions"
#define NO_MODERATIONS "this service has no moderations"
#define NO_RERANK "this service has no rerank API"
#define NO_IMAGES "this service makes no images"
#define NO_AUDIO "this service has no audio API"
#define NO_FUNCTIONS "this service knows tools only: declare functions as tools"

#endif
