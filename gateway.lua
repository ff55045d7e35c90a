-- gateway.lua - the configuration of the gateway. It works as it is: the demo provider needs no key.
--
-- It is Lua: variables (local ones), loops and comments may be used. Names come before braces, units are part of
-- a name (_s seconds, _mb megabytes), and secrets are never written here but named:
--     env "NAME"     from the environment. A provider whose only secret is not set is off, and a line says so.
--     file "path"    from a file, relative to this one.
-- What is wrong is said with its line:       llm-gateway check
-- What it all comes to, with every default:  llm-gateway check -T
-- Every word there is:                       llm-gateway check --words

-- Where clients connect. An address that others can reach needs keys (below), or serve --insecure.
listen {
    address = "127.0.0.1:8080", -- "[::1]:8080"; ":8080" is every address of this machine
    workers = "auto",           -- event loops: as many as there are CPUs
    -- tls = { cert = file "cert.pem", key = file "key.pem" },
}

-- Plugins are loaded when a provider needs them, from plugins/ beside the program or lib/llm-gateway/plugins. One that
-- is named here is loaded in any case, so that a start without it fails.
plugins {
    "demo",
    -- path = { "my-plugins" },  more folders to look in; relative ones begin at this file
}

-- Upstream services. The name is ours; `plugin` is the adapter, the name itself unless said.
provider "demo" { -- answers by itself, for a first try and for tests
    tokens_per_second = 200, -- a setting of its plugin: llm-gateway plugin check plugins/demo.so
}

provider "anthropic" {} -- ANTHROPIC_API_KEY
provider "gemini" {}    -- GEMINI_API_KEY

provider "openai" { -- all it needs is its usual variable, OPENAI_API_KEY; this says the same at length
    plugin = "openai",
    base_url = "https://api.openai.com/v1", -- what that service's own SDK takes
    secrets = { env "OPENAI_API_KEY" },     -- several are divided among conversations: { env "A", env "B" }
    -- headers = { ["OpenAI-Project"] = "proj_123" },   sent with every request
}

-- The same plugin speaks with every service that is compatible with OpenAI's, and knows many by their name:
-- provider "groq"  { } -- address and key variable as llm-gateway plugin check plugins/openai.so lists them
-- provider "mine"  { service = "mistral", secret = env "MY_MISTRAL_KEY" } -- the same under another name
-- provider "local" { plugin = "openai", base_url = "http://127.0.0.1:8000/v1" }

-- What clients ask for, and who answers: targets, tried in order. PROVIDER/MODEL can always be asked for too.
model "demo" { { "demo/demo" } }

model "fast" {
    { "openai/gpt-4o-mini" },
    fallback = { "anthropic/claude-haiku-4-5" }, -- when all of those failed, before the first byte of an answer
    -- to a connection; a stream's first content, 1 s more for each 1,000 input tokens; silence within an answer. Whole
    -- answers, and all attempts together, have total_s; set here it ends streams that go on, too. Also in a provider.
    timeout = { connect_s = 5, first_token_s = 60, idle_s = 120 }, -- total_s = 600
    retry = { attempts = 3 }, -- most attempts in all
    lossy = "drop", -- what a target cannot carry is left out and named; "refuse": the request is refused
}

-- A server of your own gets so many requests at a time, more go to the fallback; without one they wait for up to 2 s:
-- model "local" { { "vllm/qwen3", max_in_flight = 32 }, fallback = { "openai/gpt-4o-mini" } } -- or "adaptive"
-- Its context, so that a longer prompt goes elsewhere before anything is sent; who gets what is too long, or filtered:
-- model "wide" {
--     { "vllm/qwen3", context_tokens = 32768 },
--     on_context_overflow = { "anthropic/claude-sonnet-4-6" }, on_content_filter = { "openai/gpt-4o-mini" },
-- }

-- A copy of some requests goes to a model that is to be tried; its answers are thrown away; the budget needs a ledger:
-- model "tried" { "openai/gpt-4o-mini", shadow = { "vllm/qwen3", sample = 0.01, usd_per_day = 5 } }

-- Families: the name that was asked for goes on unchanged. These are the ones that also hold without a configuration.
model "claude-*" { "anthropic/*" }
for _, family in ipairs {
    "gpt-*", "chatgpt-*", "o1*", "o3*", "o4*",
    "text-embedding-*", "omni-moderation-*", "dall-e-*", "tts-*", "whisper-*",
} do
    model(family) { "openai/*" }
end

-- Who may use it. Without a key everybody who reaches the address may; with one, everybody needs one. Keys are known
-- by their digest: printf %s "$KEY" | sha256sum
-- team "support" { models = { "fast", "demo" } } -- all models unless said; a name may end in *
-- team "eu" { require = { region = "eu" } } -- only targets such as { "openai/gpt-4o", region = "eu" }; also retention
-- team "own" { policies = { "teams/own.lua" } } -- rules of the team's, after those below
-- team "shop" { priority = "critical" } -- served first where targets are full; "low": last, and refused first
-- key { sha256 = "0123...", team = "support", name = "triage-bot", expires = "2026-12-31", enabled = true }

-- Web pages of other origins may use the gateway when they are listed, as browsers name them:
-- cors { origins = { "https://chat.example.org" } }
-- /metrics is for this machine, and for whoever shows this token:
-- metrics { token = env "METRICS_TOKEN" }

-- What was used and spent is written down here, for `llm-gateway usage`; a folder for this gateway alone:
-- ledger { path = "ledger", sync_ms = 50 } -- a loss of power takes at most what was written in the last 50 ms
-- The admin API makes keys and teams over HTTP and shows reports; the owner's credential is ledger/admin.key:
-- admin { address = "127.0.0.1:8081" } -- it needs the ledger
-- store { rows_days = 90 } -- of its store, ledger/store.sqlite: single requests go after 90 days, their sums stay

-- What may be spent: all requests together here, a team's or a key's in its own braces. It needs the ledger.
-- budget { usd = 1000, per = "month" }
-- team "support" { budget = { { usd = 50, per = "day", zone = "Europe/Berlin" }, { usd = 800 } } }
-- team "bulk" { limits = { rpm = 60, tpm = 100000, in_flight = 8 } } -- requests, tokens per minute; at a time
-- team "agents" { session_budget = { usd = 20, per = "total" }, user_budget = { usd = 5, per = "day" } }
-- project "shop" { budget = { usd = 100 } }          -- requests with x-gw-project: shop
-- tag "env=test" { budget = { usd = 5, per = "day" } } -- with x-gw-tags: env=test

-- A request that was answered before gets the same answer again, within its team; cache = false in a model or team.
-- cache { mb = 64, ttl_s = 3600 } -- tools = true: also for requests that offer tools
-- Several gateways together, on memcached: answers, and the windows of limits on servers of their own.
-- cache { plugin = "memcached", servers = { "10.0.0.7:11211" }, seal = env "CACHE_SEAL" }
-- counters { plugin = "memcached", servers = { "10.0.0.8:11211" } }

-- Texts are kept nowhere, unless teams are named here: sealed, for some days, so that policy replay can read them.
-- capture { teams = { "support" }, share = 0.1, days = 7 }

-- Rules of your own, in Lua, for each request in the order of this file: another model, a refusal, an answer.
-- scripts/README.md has their words. The second one needs no file.
-- policy "scripts/guard.lua" { args = { most_tokens = 100000 }, teams = { "support" }, on_error = "deny" }
-- policy { when = 'req.estimated_input_tokens > 30000', route = "long" }

-- What a client, or all of them together, may take.
limits {
    body_mb = 20,      -- a request's body
    bodies_mb = 0,     -- of all requests; 0: an eighth of the memory that the process may use
    answer_mb = 64,    -- an answer that is not streamed
    header_s = 10,     -- until a request's head is complete,
    body_s = 60,       -- and its body
    write_s = 60,      -- longest that a client may take nothing of its answer
    keep_alive_s = 75, -- idle connection
    ping_s = 15,       -- silence in a stream before a keep-alive comment
    dns_max_age_s = 30, -- an upstream's name that has moved to another address is followed by then
    connections = 16384,
    drain_s = 600,     -- for requests in flight after SIGTERM
}
