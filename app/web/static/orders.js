// Orders: each opens its story.
import { amount, badge, orderLink, price, side, when } from "./core.js";
import { listing } from "./listing.js";

const STATES = ["approved", "submitting", "unknown", "open", "partially_filled", "filled", "cancelled", "rejected", "expired"];
const LEGS = ["entry", "strategy_exit", "stop_loss", "trailing_stop", "take_profit", "operator_exit"];
listing({
  path: "/orders",
  key: (order) => order.client_order_id,
  sort: "created_at",
  empty: "There is no such order",
  filters: [
    { name: "symbol", label: "Symbol", placeholder: "BTC/USDT" },
    { name: "state", label: "State", options: STATES },
    { name: "side", label: "Side", options: ["buy", "sell"] },
    { name: "leg", label: "Leg", options: LEGS },
    { name: "text", label: "Order id begins with", placeholder: "ours or the venue's" },
    { name: "since", label: "From (UTC)", type: "datetime-local" },
    { name: "until", label: "Before (UTC)", type: "datetime-local" },
  ],
  columns: [
    { label: "Order", cell: (order) => orderLink(order.client_order_id) },
    { label: "Approved", sort: "created_at", cell: (order) => when(order.created_at) },
    { label: "Symbol", sort: "symbol", cell: (order) => order.symbol },
    { label: "Side", cell: (order) => side(order.side) },
    { label: "Leg", sort: "leg", cell: (order) => order.leg.replaceAll("_", " ") },
    { label: "State", sort: "state", cell: (order) => badge(order.state) },
    { label: "Amount", sort: "amount", n: true, cell: (order) => amount(order.amount) },
    { label: "Filled", sort: "filled", n: true, cell: (order) => amount(order.filled) },
    { label: "Limit", sort: "price", n: true, cell: (order) => price(order.price) },
    { label: "Reason", kind: "words", cell: (order) => order.reason ?? "" },
  ],
});
