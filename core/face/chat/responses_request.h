/* responses_request.h - a Responses-shaped body on /chat/completions, between its files. */
#ifndef FACE_RESPONSES_REQUEST_H
#define FACE_RESPONSES_REQUEST_H

#include "base/json.h"
#include "face/chat/chat.h"

struct responses_request {
    struct arena *arena;
    struct ask *ask;
    struct fail *fail;
    struct json_writer w;
};

/* Notes what has no equal in a chat: a member, or a kind of item, part or tool. */
void responses_request_drop(struct responses_request *in, struct text member);
/* "name":"value" */
void responses_request_put(struct responses_request *in, struct text name, struct text value);
/* The members of `object` as they are, but for the NULL-terminated names. */
void responses_request_copy(struct responses_request *in, const struct json *object, const char *const *but);

/* responses_request_items.c: the member "messages". 0, or -1 with in->fail. */
int responses_request_messages(struct responses_request *in, const struct json *body);
/* responses_request_tools.c: the members "tools" and "tool_choice", where there are any. */
void responses_request_tools(struct responses_request *in, const struct json *body);

#endif
