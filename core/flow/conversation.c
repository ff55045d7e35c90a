/* conversation.c - the digest of what the turns of a conversation have in common. */
#include "flow/conversation.h"

#include "base/crypto.h"
#include "face/talk.h"
#include "flow/way.h"

/* Of each text: two that differ behind that and are as long only share a place. */
enum { TEXT_MOST = 2048 };

const struct talk *conversation_talk(const struct request *req, struct arena *arena, struct ask *ask)
{
    struct fail fail = { 0 };
    if (req->body.len == 0)
        return NULL;
    if (req->face->talk != NULL)
        return req->face->talk(arena, ask, &fail);
    if (req->face->canonical == NULL)
        return NULL;
    struct ask canonical = { .json = req->face->canonical(arena, ask, &fail) };
    return canonical.json != NULL ? talk_chat(arena, &canonical, &fail) : NULL;
}

/* Of who has none. */
static const uint8_t none[CRYPTO_SHA256_LEN];

const uint8_t *conversation_of(struct request *req)
{
    struct text name = req->whose.session;
    if (req->conversation != NULL)
        return req->conversation != none ? req->conversation : NULL;
    req->conversation = none;
    if (name.len == 0 && !scan_string(&req->arena, scan_get(&req->ask.scan, "prompt_cache_key"), &name))
        name = TEXT_NONE;
    uint8_t *digest = arena_array(&req->arena, uint8_t, CRYPTO_SHA256_LEN);
    const struct talk *talk = name.len == 0 ? conversation_talk(req, &req->arena, &req->ask) : NULL;
    if (name.len > 0)
        crypto_sha256(name, digest);
    if (name.len > 0 ||
        (talk != NULL && talk_opening(talk, req->key != NULL ? req->key->name : TEXT_NONE, TEXT_MOST, digest)))
        req->conversation = digest;
    return req->conversation != none ? req->conversation : NULL;
}
