/* conversation.c - the digest of what the turns of a conversation have in common. */
#include "flow/conversation.h"

#include <string.h>

#include "base/crypto.h"
#include "face/talk.h"
#include "flow/way.h"

static const struct talk *talk_of(struct request *req)
{
    struct fail fail = { 0 };
    if (req->body.len == 0)
        return NULL;
    if (req->face->talk != NULL)
        return req->face->talk(&req->arena, &req->ask, &fail);
    if (req->face->canonical == NULL)
        return NULL;
    struct ask canonical = { .json = req->face->canonical(&req->arena, &req->ask, &fail) };
    return canonical.json != NULL ? talk_chat(&req->arena, &canonical, &fail) : NULL;
}

static void add_texts(struct buf *all, const struct talk_turn *turn)
{
    for (size_t i = 0; i < turn->text_count; i++) {
        buf_text(all, turn->texts[i]);
        buf_str(all, "\n");
    }
}

/* Key, system text, first message. False: nothing is said in it. */
static bool opening_of(struct request *req, struct buf *all)
{
    const struct talk *talk = talk_of(req);
    const struct talk_turn *first = NULL;
    if (talk == NULL)
        return false;
    buf_text(all, req->key != NULL ? req->key->name : TEXT("-"));
    buf_str(all, "\n");
    for (size_t i = 0; i < talk->count; i++) {
        if (strcmp(talk->turns[i].role, "system") == 0)
            add_texts(all, &talk->turns[i]);
        else if (first == NULL)
            first = &talk->turns[i];
    }
    if (first != NULL)
        add_texts(all, first);
    return first != NULL && !all->failed;
}

/* Of who has none. */
static const uint8_t none[CRYPTO_SHA256_LEN];

const uint8_t *conversation_of(struct request *req)
{
    struct text name = req->whose.session;
    struct buf all;
    if (req->conversation != NULL)
        return req->conversation != none ? req->conversation : NULL;
    req->conversation = none;
    buf_init(&all, req->body.len + 1024);
    if (name.len == 0 && !scan_string(&req->arena, scan_get(&req->ask.scan, "prompt_cache_key"), &name))
        name = TEXT_NONE;
    if (name.len > 0 || opening_of(req, &all)) {
        uint8_t *digest = arena_array(&req->arena, uint8_t, CRYPTO_SHA256_LEN);
        crypto_sha256(name.len > 0 ? name : buf_view(&all), digest);
        req->conversation = digest;
    }
    buf_free(&all);
    return req->conversation != none ? req->conversation : NULL;
}
