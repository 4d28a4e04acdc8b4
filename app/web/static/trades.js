// Trades: our round trips.
import { amount, badge, gain, h, known, money, price, share, signed, when } from "./core.js";
import { listing } from "./listing.js";

listing({
  path: "/trades",
  key: (trade) => trade.id,
  sort: "opened_at",
  empty: "There is no such trade",
  filters: [
    { name: "symbol", label: "Symbol", placeholder: "BTC/USDT" },
    { name: "status", label: "Status", options: ["pending", "open", "closed", "void"] },
    { name: "strategy", label: "Strategy", placeholder: "momentum" },
    { name: "since", label: "From (UTC)", type: "datetime-local" },
    { name: "until", label: "Before (UTC)", type: "datetime-local" },
  ],
  columns: [
    { label: "Trade", n: true, cell: (trade) => h("a", { href: `/orders?symbol=${encodeURIComponent(trade.symbol)}` }, String(trade.id)) },
    { label: "Opened", sort: "opened_at", cell: (trade) => when(trade.opened_at) },
    { label: "Closed", sort: "closed_at", cell: (trade) => when(trade.closed_at) },
    { label: "Symbol", sort: "symbol", cell: (trade) => trade.symbol },
    { label: "Strategy", cell: (trade) => trade.strategy },
    { label: "Status", sort: "status", cell: (trade) => badge(trade.status) },
    { label: "Size", n: true, cell: (trade) => amount(trade.size) },
    { label: "Entry", n: true, cell: (trade) => price(trade.entry_price) },
    { label: "Exit", n: true, cell: (trade) => price(trade.exit_price) },
    { label: "Paid", sort: "bought", n: true, cell: (trade) => money(trade.bought) },
    { label: "Fees", sort: "fees", n: true, cell: (trade) => money(trade.fees) },
    { label: "Profit", sort: "realised", n: true, cell: (trade) => gain(known(trade.realised) ? Number(trade.realised) : null) },
    { label: "%", n: true, cell: (trade) => (known(trade.realised_share) ? signed(Number(trade.realised_share), share) : "") },
  ],
});
