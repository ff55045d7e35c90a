/* chat_input.h - a Responses-shaped body on /chat/completions, between its files. */
#ifndef FACE_CHAT_INPUT_H
#define FACE_CHAT_INPUT_H

#include "base/json.h"
#include "face/chat/chat.h"

struct chat_input {
    struct arena *arena;
    struct ask *ask;
    struct fail *fail;
    struct json_writer w;
};

/* Notes what has no equal in a chat: a member, or a kind of item, part or tool. */
void chat_input_drop(struct chat_input *in, struct text member);
/* "name":"value" */
void chat_input_put(struct chat_input *in, struct text name, struct text value);
/* The members of `object` as they are, but for the NULL-terminated names. */
void chat_input_copy(struct chat_input *in, const struct json *object, const char *const *but);

/* chat_input_items.c: the member "messages". 0, or -1 with in->fail. */
int chat_input_messages(struct chat_input *in, const struct json *body);
/* chat_input_tools.c: the members "tools" and "tool_choice", where there are any. */
void chat_input_tools(struct chat_input *in, const struct json *body);

#endif
