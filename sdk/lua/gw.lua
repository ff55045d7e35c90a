---@meta gw
-- The words of policies, written by `llm-gateway policy editor` from the table that checks them.

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

---Made by gw.regex.
---@class gw.Regex
local regex = {}
---The first part of the text that it matches.
---@param text string
---@return string?
function regex:find(text) end
---The text with each match replaced: by a text, in which %1 is a capture and %0 the match, or by what a function returns of the captures; where that is nil it stays.
---@param text string
---@param with string|fun(...: string): string?
---@return string
function regex:gsub(text, with) end

---Refuses the request: status 400 to 599, a code in snake_case, a text for a person; { retry_after_s?, reason? }. Only in on_request, on_route, on_response.
---@param status integer
---@param code string
---@param text string
---@param options? gw.DenyOptions
---@return gw.Decision
function gw.deny(status, code, text, options) end
---Answers in the place of a model, chat only: a text, or { text =, finish =? }. Only in on_request, on_response.
---@param text string|gw.AnswerText
---@param reason? string
---@return gw.Decision
function gw.answer(text, reason) end
---Another model answers: the first route of a request counts. Only in on_request.
---@param model string
---@param reason? string
---@return gw.Decision
function gw.route(model, reason) end
---Drops this answer and asks again: { model =?, say =?, reason =? }; both are paid for. Only in on_response.
---@param options gw.RetryOptions
---@return gw.Decision
function gw.retry(options) end
---Counts it in gw_policy_events_total{policy,event}: at most 32 names of a policy.
---@param event string
function gw.count(event) end
---A line of the access log: at most 16 of 200 bytes.
---@param text string
function gw.note(text) end

---What is spent of a budget: { team = or key = or user = or session = or project =, per = "day", "week", "month" or "total" }.
---@param options gw.SpendOptions
---@return gw.Spend
function gw.spend(options) end
---From 0 to below 100, always the same for a text.
---@param text string
---@param salt? string
---@return number
function gw.bucket(text, salt) end

---A pattern of PCRE2, in UTF-8, compiled at the top of the file; for req:find. Only in the file while it is loaded.
---@param pattern string
---@return gw.Regex
function gw.regex(pattern) end

gw.cache = {}
---A value of this policy and team; nil where it is not there.
---@param key string
---@param options? gw.ScopeOptions
---@return any?
function gw.cache.get(key, options) end
---Keeps a text or a table, at most 64 KB: { ttl_s = 3600 }; scope as of a counter.
---@param key string
---@param value string|table
---@param options gw.KeepOptions
function gw.cache.set(key, value, options) end
---Forgets it.
---@param key string
---@param options? gw.ScopeOptions
function gw.cache.del(key, options) end

gw.counter = {}
---A counter of this policy and team; 0 where it is not there. { per = "day", zone = "Europe/Berlin" } or { ttl_s = 60 }; scope = "team", "policy", "gateway".
---@param name string
---@param options gw.CounterOptions
---@return integer
function gw.counter.get(name, options) end
---Adds, and returns the sum.
---@param name string
---@param n integer
---@param options gw.CounterOptions
---@return integer
function gw.counter.add(name, n, options) end
---Adds n (1) where the sum stays within limit: whether it did, what is left, and the seconds until it begins anew; given back where the request is refused later.
---@param name string
---@param options gw.TakeOptions
---@return boolean
---@return integer
---@return integer
function gw.counter.take(name, options) end

gw.text = {}
---Is the part in it?.
---@param text string
---@param part string
---@return boolean
function gw.text.contains(text, part) end
---Does it begin with the part?.
---@param text string
---@param part string
---@return boolean
function gw.text.starts(text, part) end
---Does it end with the part?.
---@param text string
---@param part string
---@return boolean
function gw.text.ends(text, part) end
---ASCII letters become small.
---@param text string
---@return string
function gw.text.lower(text) end
---The whole text; * is any text.
---@param text string
---@param pattern string
---@return boolean
function gw.text.like(text, pattern) end
---32 hex digits of its SHA-256.
---@param text string
---@return string
function gw.text.digest(text) end
---{{name}} becomes values.name; raises where there is none.
---@param text string
---@param values table<string, any>
---@return string
function gw.text.fill(text, values) end
---Of most of its letters: latin cyrillic greek armenian hebrew arabic devanagari thai hangul kana han, or other; "" without letters.
---@param text string
---@return string
function gw.text.script(text) end
---:find(text) is the first of the words in it, in any case; for req:find.
---@param list string[]
---@return gw.Words
function gw.text.words(list) end

gw.time = {}
---Of the admission: seconds since 1970.
---@return integer
function gw.time.now() end
---2026-08-24; UTC unless a zone is given.
---@param zone? string
---@return string
function gw.time.day(zone) end
---hour, minute, day, weekday (mon ... sun) by the clocks of a zone as Europe/Berlin.
---@param zone string
---@return gw.Moment
function gw.time.at(zone) end
---"mon-fri 09:00-18:00"; a night belongs to the day it began on.
---@param span string
---@param zone? string
---@return boolean
function gw.time.within(span, zone) end

gw.json = {}
---null inside of a JSON value.
gw.json.null = nil ---@type any
---JSON of a value; an empty table is a list.
---@param value any
---@return string
function gw.json.encode(value) end
---The value of a JSON text; nil and why, where it is none. null inside is gw.json.null.
---@param text string
---@return any?
---@return string?
function gw.json.decode(text) end

gw.http = {}
---Waits. Asks a place that the policy's block names: { path?, headers?, timeout_ms? }; { status, text, json?, headers }, or nil and why. Only in on_request, on_route, on_response.
---@param place string
---@param options? gw.GetOptions
---@return gw.Reply?
---@return string?
function gw.http.get(place, options) end
---Waits. The same with a body: { json = or text =, path?, headers?, timeout_ms? }. Only in on_request, on_route, on_response.
---@param place string
---@param options? gw.PostOptions
---@return gw.Reply?
---@return string?
function gw.http.post(place, options) end

gw.llm = {}
---Waits. Asks a model that the policy's block names: { system?, max_tokens?, timeout_ms? }; its text, or nil and why. Only in on_request, on_route, on_response.
---@param model string
---@param text string
---@param options? gw.AskOptions
---@return string?
---@return string?
function gw.llm.ask(model, text, options) end
---Waits. The same with { model =, messages = { { role =, text = } } or request = req, max_tokens?, timeout_ms? }; { text, tool_calls, finish, usage, cost_usd? }. Only in on_request, on_route, on_response.
---@param options gw.ChatOptions
---@return gw.Answer?
---@return string?
function gw.llm.chat(options) end
---Waits. At most 8 at once, each as of gw.llm.chat; { first = 1 }: so many answers are enough, the others are cancelled; { timeout_ms? }. What came, in the order of the list, each with its index. Only in on_request, on_route, on_response.
---@param questions gw.ChatOptions[]
---@param options? gw.AllOptions
---@return gw.Answer[]
---@return string?
function gw.llm.chat_all(questions, options) end

gw.log = {}
---A line on stderr, with --log-level debug.
---@param text string
function gw.log.debug(text) end
---A line on stderr.
---@param text string
function gw.log.info(text) end
---A warning on stderr.
---@param text string
function gw.log.warn(text) end
---An error on stderr.
---@param text string
function gw.log.error(text) end

---The request: read-only; it is changed by its methods.
---@class gw.Request
---@field address string # Where the client is
---@field asked_model string # The model's name as the client wrote it
---@field attempt integer # 1 for the first
---@field body table<string, any> # The client's own JSON, as its API has it; not in on_finish
---@field client string # claude-code, openai-python ... other
---@field conversation string # The session, else a digest of key, system text and first message
---@field day string # Of the admission, UTC: 2026-08-24
---@field estimated_input_tokens integer # By the length of the texts
---@field files integer # Documents and recordings in the messages
---@field headers table<string, string> # By name in any case; credentials are not among them
---@field id string # Of this request, as in the log
---@field images integer # In the messages
---@field key? string # The key's name; nil without one
---@field kind string # chat completion embedding image audio rerank moderation
---@field last_error? gw.Error # Why the attempt before failed
---@field last_user string # The text of the last message of the user; "" without one
---@field messages gw.Message[] # All messages
---@field model string # The model that will answer, by its name in gateway.lua
---@field project? string # Who pays, where the client or the key names one
---@field purpose? string # A chore of a coding agent: title topic quota_check compact subagent; nil: none that is known
---@field session? string # As the client names it
---@field stream boolean # The answer comes in pieces
---@field system_text string # All system texts; "" without one
---@field tags table<string, string> # Of the client, or of the key
---@field team string # Whose key it is
---@field tool_calls gw.ToolCall[] # Calls of tools in the messages
---@field tools string[] # Names of the tools that are offered
---@field user? string # The end user that the client claims
---@field vars table # This policy's own, from hook to hook of this request
---@field wants_json boolean # The answer must be JSON
local req = {}
---All text that the provider would see; { roles = { "user" } }.
---@param options? gw.RoleOptions
---@return string[]
function req:texts(options) end
---The first hit of a text, of gw.text.words{...} or of gw.regex(...), and whose text it is in.
---@param matcher string|gw.Words|gw.Regex
---@param options? gw.RoleOptions
---@return string?
---@return string?
function req:find(matcher, options) end
---How many equal tool calls end the history, and of which tool.
---@return integer
---@return string?
function req:repeated_call() end
---temperature top_p max_tokens thinking_tokens effort seed service_tier parallel_tool_calls.
---@param name string
---@return any?
function req:get(name) end
---This policy's later hook is not called for this request.
---@param hook "on_route"|"on_response"|"on_finish"
function req:skip(hook) end
---A tag of the request, for the ledger and the log: the value as it is there, of at most 64 bytes without commas.
---@param name string
---@param value string
---@return string?
function req:tag(name, value) end
---A setting, as req:get() names it; nil removes it. Only in on_request.
---@param name string
---@param value? any
function req:set(name, value) end
---At most that, also where there was no limit; true: it was changed. Only in on_request.
---@param name string
---@param n integer
---@return boolean
function req:cap(name, n) end
---A system text, behind that of the client, or "start". Only in on_request.
---@param text string
---@param place? "end"|"start"
function req:add_system(text, place) end
---The system text, in the place of the client's. Only in on_request.
---@param text string
function req:set_system(text) end
---Each text becomes what fn(text, role, i) returns, if anything; { roles = { "user" } }. Only in on_request.
---@param fn fun(text: string, role: gw.Role, i: integer): string?
---@param options? gw.RoleOptions
function req:map_text(fn, options) end
---Tools for which fn(name) is false are not offered: their names. Only in on_request.
---@param fn fun(name: string): boolean
---@return string[]
function req:keep_tools(fn) end
---A header for the provider; nil: the client's is not passed on. In on_route: for this attempt. Only in on_request, on_route.
---@param name string
---@param value? string
function req:send_header(name, value) end
---A header of the answer; false: a stream's head is on its way already, with a keep-alive. Only in on_request, on_route, on_response.
---@param name string
---@param value string
---@return boolean
function req:reply_header(name, value) end
---Each key becomes its value in the answer, streams too; { arguments = false }: not in those of tools. Only in on_request.
---@param texts table<string, string>
---@param options? gw.ReplaceOptions
function req:replace_in_answer(texts, options) end
