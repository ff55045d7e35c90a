/* bedrock.h - what the files of the Bedrock provider share. */
#ifndef BEDROCK_H
#define BEDROCK_H

#include <gateway/easy.h>
#include <gateway/plugin.h>

/* The formats of entries of reasoning_details that hold a signed block, and one that is encrypted. */
#define BEDROCK_FORMAT "anthropic-claude-v1"
#define BEDROCK_REDACTED BEDROCK_FORMAT ":redacted"

/* A request while it is written. */
struct bedrock_out {
    const gw_host *h;
    gw_call *call;
    gw_writer *w;
    const gw_request *req;
};

/* sign.c: Signature Version 4 (docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html, 2026-11). */
struct bedrock_signing {
    gw_str method, path, query; /* the path as it is sent, the query as it is signed */
    gw_str headers;             /* "name:value\n" of each, in small letters, sorted */
    gw_str names;               /* of them: "host;x-amz-date" */
    gw_str body;
    gw_str date; /* "20150830T123600Z" */
    gw_str region, service, key_id, secret;
};
/* The value of Authorization, memory of the call; absent without memory. */
gw_str sign_authorization(const gw_host *h, gw_call *call, const struct bedrock_signing *s);
/* `s` with each byte that is not unreserved escaped; '/' stays where `keeps_slash`. */
gw_str sign_escape(const gw_host *h, gw_call *call, gw_str s, int keeps_slash);

/* capability.c */
extern const gw_capability bedrock_rows[];
extern const size_t bedrock_row_count;
void capability_drop(const struct bedrock_out *o, const char *field);
gw_status capability_refuse(const struct bedrock_out *o, const char *field);
/* Drops the members of `object` whose names are not among the blank-separated words; `field` comes before their names. */
void capability_rest(const struct bedrock_out *o, const gw_json *object, const char *field, const char *words);

/* messages.c: system and messages. */
gw_status messages_write(const struct bedrock_out *o);

/* settings.c: inferenceConfig, toolConfig, additionalModelRequestFields, outputConfig. */
gw_status settings_write(const struct bedrock_out *o);

/* read.c */
gw_status read_answer(const gw_host *h, gw_call *call, const gw_frame *frame, gw_emit emit);

#endif
