/* think.c - how much a model thinks: reasoning_effort of a chat (and the members that other gateways take) as
 * thinking and output_config.effort, or as a budget of tokens for models before 4.6. */
#include "anthropic.h"

/* Anthropic advises 64000 tokens of room at its two highest efforts. */
enum { BUDGET_LEAST = 1024, ROOM_TO_THINK = 64000 };

enum level { UNSAID, NONE, MINIMAL, LOW, MEDIUM, HIGH, XHIGH, MAX };

static const struct {
    const char *name;   /* as a chat names it */
    const char *effort; /* as output_config names it */
    int64_t budget;     /* for models that want one; low to high as other services count them */
} levels[] = {
    [UNSAID] = { "", NULL, 0 },
    [NONE] = { "none", NULL, 0 },
    [MINIMAL] = { "minimal", "low", 1024 },
    [LOW] = { "low", "low", 2048 },
    [MEDIUM] = { "medium", "medium", 8192 },
    [HIGH] = { "high", "high", 24576 },
    [XHIGH] = { "xhigh", "xhigh", 32768 },
    [MAX] = { "max", "max", 32768 },
};

/* What the client asked for, and the member that sets it. */
struct effort_request {
    enum level level;
    int64_t budget; /* of its own; 0: by level */
    const char *member;
};

static enum level level_of(gw_str word)
{
    for (enum level l = NONE; l <= MAX; l++)
        if (anthropic_is(word, levels[l].name))
            return l;
    return UNSAID;
}

static enum level level_of_budget(int64_t budget)
{
    return budget < 4096 ? LOW : budget < 16384 ? MEDIUM : HIGH;
}

static void take_budget(const struct request_writer *b, const gw_json *value, struct effort_request *request)
{
    request->budget = b->h->json->integer(value, 0);
    if (request->budget > 0 && request->level == UNSAID)
        request->level = level_of_budget(request->budget);
}

/* OpenAI's word. */
static struct effort_request effort_of_word(struct request_writer *b)
{
    gw_str word = get_str(b->h, b->body, "reasoning_effort");
    struct effort_request request = { .level = level_of(word), .member = "reasoning_effort" };

    if (word.len > 0 && request.level == UNSAID)
        anthropic_drop(b, LOSS_LEVEL_UNKNOWN);
    return request;
}

/* OpenRouter's {effort, max_tokens, enabled}. */
static struct effort_request effort_of_reasoning(const struct request_writer *b)
{
    const gw_json *reasoning = get(b->h, b->body, "reasoning");
    int32_t enabled = b->h->json->boolean(get(b->h, reasoning, "enabled"), -1);
    struct effort_request request = { .level = level_of(get_str(b->h, reasoning, "effort")), .member = "reasoning" };

    take_budget(b, get(b->h, reasoning, "max_tokens"), &request);
    if (enabled == 0)
        request.level = NONE;
    else if (enabled == 1 && request.level == UNSAID)
        request.level = MEDIUM;
    return request;
}

/* LiteLLM's {type, budget_tokens}, as Anthropic has it. */
static struct effort_request effort_of_thinking(const struct request_writer *b)
{
    const gw_json *thinking = get(b->h, b->body, "thinking");
    gw_str type = get_str(b->h, thinking, "type");
    struct effort_request request = { .level = UNSAID, .member = "thinking" };

    if (anthropic_is(type, "disabled"))
        request.level = NONE;
    else if (anthropic_is(type, "adaptive"))
        request.level = HIGH; /* what Anthropic means by saying nothing */
    else if (type.len > 0)
        take_budget(b, get(b->h, thinking, "budget_tokens"), &request);
    return request;
}

/* The first that is set counts. The others are reported where they differ. */
static struct effort_request effort_request_of(struct request_writer *b)
{
    struct effort_request requests[] = { effort_of_word(b), effort_of_reasoning(b), effort_of_thinking(b) },
                          *first = NULL;

    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        struct effort_request *request = &requests[i];
        if (request->level == UNSAID)
            continue;
        if (first == NULL)
            first = request;
        else if (request->level != first->level || (request->budget > 0 && request->budget != first->budget))
            anthropic_drop_of(b, LOSS_OTHER_EFFORT, request->member);
    }
    return first != NULL ? *first : requests[0];
}

/* The level, or the nearest below that the model has. */
static const char *effort_of(const struct request_writer *b, enum level level, bool *lowered)
{
    for (*lowered = false; level >= LOW; level--, *lowered = true) {
        gw_str rest = words(b->model->efforts), word;
        for (; rest.len > 0; rest = (gw_str){ rest.ptr + word.len, rest.len - word.len }) {
            word = (gw_str){ rest.ptr, strcspn(rest.ptr, " ") };
            if (anthropic_is(word, levels[level].effort))
                return levels[level].effort;
            if (word.len < rest.len)
                word.len++;
        }
    }
    return level == MINIMAL ? "low" : NULL;
}

/* By budget, the last turn that called tools must bring its thinking along. */
static bool lacks_thinking(struct request_writer *b)
{
    const gw_json *messages = get(b->h, b->body, "messages");
    for (size_t i = length(b->h, messages); i > 0; i--) {
        const gw_json *message = b->h->json->at(messages, i - 1);
        if (anthropic_is(get_str(b->h, message, "role"), "assistant"))
            return length(b->h, get(b->h, message, "tool_calls")) > 0 && !anthropic_has_thinking(b, message);
    }
    return false;
}

static bool is_limited(const struct request_writer *b)
{
    return !is_null(b->h, get(b->h, b->body, "max_completion_tokens")) ||
           !is_null(b->h, get(b->h, b->body, "max_tokens"));
}

/* The budget counts into max_tokens: a limit of the client's stands and the budget shrinks to a part of it,
 * without one there is room for both. */
static void plan_budget(struct request_writer *b, const struct effort_request *request, bool forced)
{
    struct plan *p = &b->plan;
    int64_t budget = request->budget > 0 ? request->budget : levels[request->level].budget;

    if (forced) {
        anthropic_drop_of(b, LOSS_BUDGET_FORCED, request->member);
        return;
    }
    if (anthropic_is_prefilled(b)) {
        anthropic_drop_of(b, LOSS_BUDGET_PREFILL, request->member);
        return;
    }
    if (lacks_thinking(b)) {
        anthropic_drop_of(b, LOSS_BUDGET_HISTORY, request->member);
        return;
    }
    if (budget < BUDGET_LEAST)
        budget = BUDGET_LEAST;
    if (!is_limited(b) && p->max_tokens <= budget + BUDGET_LEAST)
        p->max_tokens += budget;
    if (b->model->most > 0 && p->max_tokens > b->model->most)
        p->max_tokens = b->model->most;
    if (budget > p->max_tokens / 5 * 4)
        budget = p->max_tokens / 5 * 4;
    if (budget < BUDGET_LEAST && p->max_tokens > BUDGET_LEAST)
        budget = BUDGET_LEAST;
    if (budget < BUDGET_LEAST) {
        anthropic_drop_of(b, LOSS_BUDGET_ROOM, request->member);
        return;
    }
    p->thinking = "enabled";
    p->budget = budget;
}

static void plan_thinking_off(struct request_writer *b, const struct effort_request *request)
{
    switch ((enum thinking_off)b->model->thinking_off) {
    case THINKING_OFF_OMIT:
        break;
    case THINKING_OFF_DISABLED:
        b->plan.thinking = "disabled";
        break;
    case THINKING_OFF_BETWEEN_TOOLS:
        b->plan.thinking = "between_tools";
        break;
    case THINKING_OFF_NEVER:
        b->plan.effort = "low";
        anthropic_drop_of(b, LOSS_THINKING_OFF, request->member);
        break;
    }
}

static void plan_effort(struct request_writer *b, const struct effort_request *request, bool forced)
{
    struct plan *p = &b->plan;
    bool lowered;

    /* A model that thinks by default gets "disabled" when a tool is forced; then there is no effort over high. */
    if (forced && b->model->thinking_off == THINKING_OFF_DISABLED)
        p->thinking = "disabled";
    if (request->level == UNSAID)
        return;
    enum level level = forced && p->thinking != NULL && request->level > HIGH ? HIGH : request->level;
    p->effort = effort_of(b, level, &lowered);
    if (lowered || level != request->level)
        anthropic_drop_of(b, LOSS_LEVEL, request->member);
    if (forced)
        anthropic_drop_of(b, LOSS_EFFORT_FORCED, request->member);
    else
        p->thinking = "adaptive";
    if (level >= XHIGH && !is_limited(b) && b->anthropic->max_tokens == 0 && b->model->most >= ROOM_TO_THINK)
        p->max_tokens = ROOM_TO_THINK;
}

void anthropic_plan_thinking(struct request_writer *b, bool forced)
{
    struct effort_request request = effort_request_of(b);

    if (request.level == NONE)
        plan_thinking_off(b, &request);
    else if (b->model->thinks == THINKS_BY_EFFORT)
        plan_effort(b, &request, forced);
    else if (request.level != UNSAID && b->model->thinks == THINKS_BY_BUDGET)
        plan_budget(b, &request, forced);
    else if (request.level != UNSAID)
        anthropic_drop_of(b, LOSS_THINKING, request.member);
}
