"""Which tests watch over which files."""

import fnmatch

# pattern of the file -> unit runners, end-to-end files (the likeliest first). The first row that matches counts.
ROOMS = [
    ("core/upstream/*", ["upstream"],
     ["test_framing.py", "test_fallback.py", "test_midstream.py", "test_truncated.py", "test_stream.py", "test_load.py",
      "test_secrets.py", "test_tls.py", "test_opening.py", "test_stalled.py", "test_settled.py", "test_llhttp_upstream.py",
      "test_relayed.py"]),
    ("core/http/*", ["http"],
     ["test_http.py", "test_bad_input.py", "test_health.py", "test_keys.py", "test_drain.py", "test_naughty.py",
      "test_tls.py", "test_metrics.py", "test_stream.py", "test_vectors.py"]),
    ("core/flow/*", ["flow"],
     ["test_fallback.py", "test_upstream_errors.py", "test_settled.py", "test_midstream.py", "test_opening.py", "test_stream.py",
      "test_metrics.py", "test_keys.py", "test_limits.py", "test_waiting.py", "test_budget.py", "test_clamp.py",
      "test_guard.py", "test_leaving.py", "test_policy.py", "test_kill.py", "test_attribution.py", "test_accounts.py",
      "test_cost.py", "test_sources.py", "test_estimate.py", "test_log.py", "test_log_line.py", "test_masking.py",
      "test_canary.py", "test_loop.py", "test_truncated.py", "test_relayed.py", "test_anthropic.py", "test_models.py",
      "test_bad_input.py", "test_plugin.py", "test_secrets.py", "test_ledger.py", "test_large.py", "test_drain.py",
      "test_spending.py", "test_cache.py", "test_queue.py", "test_routing.py", "test_policy_retry.py",
      "test_policy_restore.py", "test_policy_reword.py", "test_slow.py"]),
    ("core/money/*", ["money"],
     ["test_ledger.py", "test_budget.py", "test_disk.py", "test_prices.py", "test_sources.py", "test_clock.py", "test_store.py"]),
    ("core/face/*", ["face", "provider", "flow", "script"],
     ["test_crossing.py", "test_anthropic.py", "test_canonical.py", "test_matrix.py", "test_bad_input.py",
      "test_translated_stream.py", "test_upstream_errors.py", "test_relayed.py", "test_policy.py", "test_clamp.py",
      "test_models.py", "test_gemini.py", "test_ollama.py", "test_truncated.py", "test_spoiled.py", "test_naughty.py",
      "test_large.py", "test_policy_edit.py", "test_policy_reword.py", "test_policy_restore.py"]),
    ("core/dialect/*", ["dialect", "face", "flow"],
     ["test_upstream_errors.py", "test_relayed.py", "test_stream.py", "test_models.py", "test_anthropic.py",
      "test_translated_stream.py", "test_midstream.py", "test_opening.py", "test_estimate.py", "test_sources.py",
      "test_guard.py", "test_clamp.py", "test_waiting.py", "test_truncated.py", "test_relay_recordings.py"]),
    ("core/plugin/*", ["plugin", "provider"],
     ["test_plugin.py", "test_cli.py", "test_config.py", "test_demo.py", "test_upstream_errors.py", "test_crossing.py",
      "test_canonical.py", "test_limits.py", "test_store.py", "test_reports.py", "test_bedrock.py"]),
    ("core/base/*", ["base"], ["test_bad_input.py"]),
    ("core/boot/*", ["boot"], ["test_config.py", "test_cli.py", "test_secrets.py"]),
    ("core/cli/*", [], ["test_cli.py"]),
    ("core/*", None, []),  # the room's own unit runner
    ("plugins/*", ["provider"], ["test_matrix.py", "test_crossing.py", "test_anthropic.py", "test_demo.py"]),
]


def tests_of(name):
    """(unit runners, end-to-end files) for a source file, named from the tree's top."""
    for pattern, units, files in ROOMS:
        if fnmatch.fnmatch(name, pattern):
            return (units if units is not None else [name.split("/")[1]]), files
    raise SystemExit(f"mutation: no tests are known for {name}: add a row to tests/mutation/rooms.py")
