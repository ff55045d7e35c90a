---@alias gw.Role "system"|"user"|"assistant"|"tool"
---@alias gw.Kind "chat"|"completion"|"embedding"|"image"|"audio"|"rerank"|"moderation"
---@alias gw.Scope "team"|"policy"|"gateway"
---@alias gw.Period "minute"|"hour"|"day"|"week"|"month"

---What a hook returns: made by gw.deny, gw.answer, gw.route and gw.retry.
---@class gw.Decision

---The table that the file returns. Write `---@type gw.Policy` above `local policy = {}`.
---@class gw.Policy
---@field on_request? fun(req: gw.Request): gw.Decision?
---@field on_route? fun(req: gw.Request, targets: gw.Target[]): gw.Target[]|gw.Decision|nil
---@field on_response? fun(req: gw.Request, resp: gw.Response): gw.Decision?
---@field on_finish? fun(req: gw.Request, done: gw.Done)

---@class gw.Message
---@field role gw.Role
---@field text string
---@field images integer
---@field files integer
---@field tool_calls gw.ToolCall[]

---@class gw.ToolCall
---@field id string
---@field name string
---@field arguments string # JSON

---Why the attempt before failed.
---@class gw.Error
---@field class "rate_limited"|"overloaded"|"timeout"|"network"|"server"|"auth"|"context_overflow"|"content_filter"|"bad_request"
---@field status? integer
---@field code? string
---@field provider string
---@field target string

---@class gw.Target
---@field name string # provider/model
---@field provider string
---@field model string
---@field role "target"|"fallback"|"context_overflow"|"content_filter"
---@field region? string # as the model states it
---@field retention? string # as the model states it
---@field context_tokens? integer # as the model states it, else the price book's
---@field in_flight integer # attempts of all requests
---@field healthy boolean # false while it gets no requests after failures
---@field cooling_s number # until one of its secrets may be used again; 0: one may
---@field cost_usd? number # expected for this request; nil: no price
---@field first_token_ms? number # mean of its streams of the last half minute
---@field tokens_per_s? number # mean of its streams of the last half minute

---@class gw.Usage
---@field input integer # all of it
---@field output integer # all of it
---@field cache_read integer # of the input
---@field cache_write integer # of the input
---@field reasoning integer # of the output

---@class gw.Response
---@field text string # of all choices; "" without one
---@field tool_calls gw.ToolCall[]
---@field finish "stop"|"length"|"tool_calls"|"content_filter"|"refusal"|""
---@field model string
---@field target string # provider/model
---@field usage gw.Usage
---@field first_token_ms? integer
---@field total_ms integer
---@field retries integer # answers of this request that policies have dropped
---@field map_text fun(self: gw.Response, fn: fun(text: string, i: integer): string?) # each text becomes what fn returns, if anything
---@field json fun(self: gw.Response): any?, string? # the text as JSON; nil and why, where it is none

---@class gw.Done
---@field status integer
---@field outcome "ok"|"denied"|"cancelled"|"failed"
---@field code? string
---@field target? string # provider/model
---@field attempts integer
---@field usage gw.Usage
---@field cost_usd? number
---@field first_token_ms? integer
---@field total_ms integer

---@class gw.Spend
---@field spent_usd number
---@field held_usd number
---@field limit_usd? number # nil: there is no limit
---@field left_usd? number

---@class gw.Moment
---@field hour integer
---@field minute integer
---@field day string # 2026-08-24
---@field weekday "mon"|"tue"|"wed"|"thu"|"fri"|"sat"|"sun"

---@class gw.Reply
---@field status integer
---@field text string
---@field json? any
---@field headers table<string, string> # names in lower case

---The answer of a model that gw.llm has asked.
---@class gw.Answer
---@field text string
---@field tool_calls gw.ToolCall[]
---@field finish string
---@field usage gw.Usage
---@field cost_usd? number
---@field index? integer # in the list of gw.llm.chat_all

---Made by gw.text.words.
---@class gw.Words
local words = {}
---The first of the words that is in the text, in any case of its ASCII letters.
---@param text string
---@return string?
function words.find(text) end

---Options

---@class gw.DenyOptions
---@field retry_after_s? integer # 1 to 60: when the client may come again; without it: never
---@field reason? string # for the log
---@class gw.AnswerText
---@field text string
---@field finish? "stop"|"length"|"content_filter"|"refusal"
---@class gw.RetryOptions
---@field model? string # that answers; the same without it
---@field say? string # to the model, behind its answer
---@field reason? string # for the log
---@class gw.SpendOptions
---@field team? string
---@field key? string
---@field user? string
---@field session? string
---@field project? string
---@field per "day"|"week"|"month"|"total"
---@class gw.CounterOptions
---@field per? gw.Period # or ttl_s
---@field ttl_s? integer # or per
---@field zone? string # Europe/Berlin: for per; UTC without it
---@field scope? gw.Scope
---@class gw.TakeOptions: gw.CounterOptions
---@field limit integer
---@field n? integer
---@class gw.ScopeOptions
---@field scope? gw.Scope
---@class gw.KeepOptions: gw.ScopeOptions
---@field ttl_s integer
---@class gw.GetOptions
---@field path? string # behind the place's URL: begins with / or ?
---@field headers? table<string, string>
---@field timeout_ms? integer
---@class gw.PostOptions: gw.GetOptions
---@field json? any # or text
---@field text? string
---@class gw.AskOptions
---@field system? string
---@field max_tokens? integer
---@field timeout_ms? integer
---@class gw.ChatMessage
---@field role "system"|"user"|"assistant"
---@field text string
---@class gw.ChatOptions
---@field model string
---@field messages? gw.ChatMessage[] # or request
---@field request? gw.Request # req: this request, in its own API
---@field max_tokens? integer
---@field timeout_ms? integer
---@class gw.AllOptions
---@field first? integer # so many answers are enough
---@field timeout_ms? integer
---@class gw.ReplaceOptions
---@field arguments? boolean # false: not in the arguments of tools
---@class gw.RoleOptions
---@field roles? gw.Role[]

gw = {}

---Declares what the block's `args` may hold: names with defaults, which are types too. Once, at the top of the file.
---@generic T: table
---@param declared T
---@return T
function gw.args(declared) end

---Kinds of arguments that are checked.
gw.arg = {}
---The name of a configured model; without a default it is required.
---@param default? string
---@return string
function gw.arg.model(default) end
---A time zone, such as Europe/Berlin.
---@param default? string
---@return string
function gw.arg.zone(default) end
---A list.
---@generic T
---@param default? T[]
---@return T[]
function gw.arg.list(default) end
---Values by name: an absent one is nil.
---@generic T
---@param default? table<string, T>
---@return table<string, T>
function gw.arg.map(default) end

