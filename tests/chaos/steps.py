"""Each step of `app/steps` and the scene in which it is killed; a new one that is in neither list fails a test."""

SCENE_OF = {
    "approve_signal": "entry",
    "archive_ticks": "gap",
    "check_clock": "left",
    "check_history": "gap",
    "choose_symbols": "start",
    "compare_symbol": "strangers",
    "compare_symbols": "strangers",
    "drain": "round-trip",
    "find_signals": "entry",
    "flatten": "flattened",
    "history_alarm": "gap",
    "keep_letter": "left",
    "mark_equity": "crash",
    "open_account": "start",
    "place_order": "entry",
    "protect": "round-trip",
    "reconcile": "strangers",
    "refresh_instruments": "start",
    "rerun_letters": "rerun",
    "seal": "left",
    "settle_order": "entry",
    "sweep": "entry",
    "sweep_closes": "left",
    "sweep_exits": "unsold",
    "wake": "entry",
    "warm_windows": "gap",
    "watch_positions": "round-trip",
    "withdraw_entries": "flattened",
}
INSIDE = {
    "protect": "drain",
    "history_alarm": "check_history",
    "compare_symbol": "reconcile",
    "compare_symbols": "reconcile",
}  # whose calls are points of that step
HELPERS = frozenset({"events", "exits", "ports", "tables", "terms"})  # values and arithmetic; these write nothing
STEPS = sorted(SCENE_OF.keys() - INSIDE.keys())
WRITERS = frozenset(
    {"Audits", "Bars", "Books", "Decision", "HandOn", "Instruments", "Ledger", "Orders", "Resting", "Signals", "Ticks"}
) | {"Trades", "Trading", "Mailboxes", "Lease", "Letters", "LettersAside", "OutdatedHistories", "ClockSkews"}
WRITERS |= {"KeptLetters", "Reruns"}
