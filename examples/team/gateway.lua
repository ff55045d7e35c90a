-- A gateway for several teams: each key belongs to a team, and a team may ask for what its list says.
--
-- The two keys here are examples, "support-key" and "research-key". Make your own:
--     KEY=$(openssl rand -hex 32); printf %s "$KEY" | sha256sum
listen { address = "127.0.0.1:8080" } -- with keys declared, ":8080" would be allowed too

provider "anthropic" {}
provider "openai" { secrets = { env "OPENAI_API_KEY", env "OPENAI_API_KEY_2" } } -- tried in turn

-- A small cluster of our own: the same adapter, three machines, one loop.
for number = 1, 3 do
    provider("gpu" .. number) { plugin = "openai", base_url = "http://10.0.0." .. number .. ":8000/v1" }
end

model "fast" { "openai/gpt-4o-mini", fallback = { "anthropic/claude-haiku-4-5" } }
model "own" {
    "gpu1/qwen3-8b", "gpu2/qwen3-8b", "gpu3/qwen3-8b",
    timeout = { connect_s = 2, first_token_s = 20 },
    fallback = { "openai/gpt-4o-mini" },
}
model "gpt-*" { "openai/*" }

team "support" { models = { "fast" } }
team "research" {} -- everything

key {
    sha256 = "de1f42d15cf84e4d393062ea022c4597b925098a52e2fc3f46ae2319c789c856",
    team = "support", name = "triage-bot", expires = "2030-12-31",
}
key {
    sha256 = "d726a3075e19d0509d09a77e771c88ae1a12e6007ba6d5f6467bdb44ba74fcbb",
    team = "research", name = "notebooks",
}
