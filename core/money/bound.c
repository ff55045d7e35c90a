/* bound.c - how many tokens a request can use at most. */
#include "money/bound.h"

#include <string.h>

#include "money/prefixes.h"

/* What a provider adds to a request by itself, in tokens, and how it counts what is not text. Fitted to recorded requests, but for those
 * of the template servers: README.md. */
struct family {
    const char *sellers; /* blank-separated; NULL: by the model's name */
    int64_t plain, tools, builtin;
    int64_t tools_factor; /* tokens more for each byte of the tools */
    int64_t image;        /* the most for one image */
    bool by_bytes;        /* its tokenizers read bytes: no normal form is made before */
    bool one_tier;        /* who names no service tier gets the usual one: nothing chooses another */
};

static const struct family claude = { NULL, 64, 600, 800, 0, 5000, false, false };
static const struct family nova = { NULL, 64, 1024, 0, 0, 5000, false, false };
static const struct family unknown = { NULL, 2048, 2048, 0, 2, 20000, false, false };
static const struct family families[] = {
    { "openai azure github-copilot", 64, 256, 0, 0, 50000, true, false },
    { "gemini google vertex", 64, 256, 0, 0, 10000, false, true },
    { "mistral", 64, 256, 0, 0, 10000, false, false },
    { "deepseek", 64, 256, 0, 0, 10000, true, false },
    { "xai x-ai", 512, 512, 0, 0, 10000, false, false },
    { "cohere", 64, 256, 0, 0, 10000, false, false },
    { "vllm ollama huggingface llamacpp llama.cpp together groq", 64, 256, 0, 2, 20000, false, false },
};

enum { OUTPUT_MOST = 128 << 10, WINDOW_MOST = 2 << 20, DOCUMENT = 600 };

static bool names(const char *list, struct text name)
{
    for (const char *at = list; *at != '\0';) {
        size_t len = strcspn(at, " ");
        if (name.len == len && memcmp(at, name.ptr, len) == 0)
            return true;
        at += len + (at[len] == ' ');
    }
    return false;
}

static bool has(struct text name, const char *part)
{
    return memmem(name.ptr, name.len, part, strlen(part)) != NULL;
}

static const struct family *family_of(const struct bound_ask *ask)
{
    if (has(ask->model, "claude"))
        return &claude;
    if (has(ask->model, "amazon.nova"))
        return &nova;
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (names(families[i].sellers, ask->seller))
            return &families[i];
    return &unknown;
}

bool bound_knows_newer(struct text seller)
{
    return names("openai azure groq xai x-ai", seller);
}

static int64_t times(int64_t a, int64_t b)
{
    int64_t product;
    return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

static int64_t plus(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

/* Each byte of the body one token, and what the provider adds. */
static int64_t by_bytes(const struct bound_ask *ask, const struct bound_body *body)
{
    const struct family *f = family_of(ask);
    size_t bytes = ask->bytes > 0 ? ask->bytes : ask->body.len;
    int64_t most = (int64_t)(bytes - (body->base64 < bytes ? body->base64 : bytes));
    if (!f->by_bytes)
        most += nfkc_growth(ask->body);
    most += body->tools > 0 || body->builtin > 0 ? f->tools : f->plain;
    most = plus(most, times(body->builtin, f->builtin));
    if (body->tools > 0)
        most = plus(most, times(most, f->tools_factor)); /* the tools are part of the body */
    most = plus(most, times(body->documents, DOCUMENT) + (int64_t)body->document_bytes);
    return plus(plus(most, times(body->images, f->image)), ask->learned);
}

static void bound_input(const struct bound_ask *ask, const struct bound_body *body, struct bound *bound)
{
    int64_t window = ask->window > 0 ? ask->window : WINDOW_MOST;
    bound->input = body->stored ? window : by_bytes(ask, body);
    if (ask->window > 0 && bound->input > window)
        bound->input = window;
    if (body->rounds > 0)
        bound->input = times(plus(body->rounds, 1), window);
    if ((body->stored || body->rounds > 0) && ask->window <= 0 && bound->unbounded == NULL)
        bound->unbounded = "a context that only the model's window bounds, which the price book does not know";
}

static void bound_output(const struct bound_ask *ask, const struct bound_body *body, struct bound *bound)
{
    int64_t one = body->limit > 0 ? body->limit : ask->max_output;
    if (ask->interleaved && ask->window > 0)
        one = ask->window;
    bound->no_limit = one <= 0;
    bound->output = plus(times(one > 0 ? one : OUTPUT_MOST, bound->choices), body->prediction);
}

void bound_of(const struct bound_ask *ask, struct arena *arena, struct bound *bound)
{
    struct bound_body body = { .choices = 1 };
    bound_read_body(ask->body, ask->limits, arena, &body);
    *bound = (struct bound){ .limit = body.limit,
                             .choices = body.choices,
                             .prediction = body.prediction,
                             .images = body.images > 0,
                             .hour = body.hour,
                             .reasons = body.reasons,
                             .any_tier = body.any_tier && !family_of(ask)->one_tier,
                             .searches = body.searches,
                             .unbounded = body.unbounded };
    bound_input(ask, &body, bound);
    bound_output(ask, &body, bound);
    if (ask->prefix != NULL && !body.stored && body.rounds == 0 && body.images == 0 && bound->unbounded == NULL)
        prefix_read(body.json, ask->counter.ptr != NULL ? ask->counter : ask->seller, ask->model,
                    family_of(ask)->by_bytes, ask->prefix);
}
