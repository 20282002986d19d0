-- Every account feature, written by hand for DuckDB: the yardstick for what the catalog compiles to.
WITH state AS (
  SELECT a.row_id, s.*
  FROM asked a JOIN account_states s ON s.account_id = a.entity_id AND s.recorded_at <= a.as_of
  QUALIFY row_number() OVER (PARTITION BY a.row_id ORDER BY s.occurred_at DESC, s.version DESC, s.record_id DESC) = 1
), versions AS (
  SELECT a.row_id, count(DISTINCT s.owner_id) AS owners
  FROM asked a JOIN account_states s ON s.account_id = a.entity_id AND s.recorded_at <= a.as_of
  GROUP BY 1
), talk AS (
  SELECT *, channel IN ('chat', 'call', 'email', 'meeting') AS talk,
    channel IN ('chat', 'call', 'email', 'meeting') AND text IS NOT NULL AS said,
    contains(text, '预算') OR contains(text, '经费') OR contains(text, '资金紧张') OR contains(text, 'budget') AS budget,
    contains(text, '招标') OR contains(text, '投标') OR contains(text, '竞价') OR contains(text, 'tender') AS tender,
    contains(text, '更换供应商') OR contains(text, '换供应商') OR contains(text, '其他供应商')
      OR contains(text, '新供应商') OR contains(text, '换一家') OR contains(text, 'other supplier') AS switching
  FROM activities WHERE account_id IS NOT NULL
), near AS (
  SELECT a.row_id, a.as_of, t.channel, t.direction, t.occurred_at, t.talk, t.said, t.budget, t.tender, t.switching,
    t.said AND (t.budget OR t.tender OR t.switching) AS risk,
    t.occurred_at > a.as_of - INTERVAL 30 DAY AS d30,
    t.occurred_at > a.as_of - INTERVAL 60 DAY AS d60,
    t.occurred_at > a.as_of - INTERVAL 90 DAY AS d90,
    row_number() OVER (PARTITION BY a.row_id, t.said ORDER BY t.occurred_at DESC, t.record_id DESC) AS place
  FROM asked a JOIN talk t ON t.account_id = a.entity_id
    AND (t.known_until IS NULL OR t.known_until > a.as_of) AND t.recorded_at <= a.as_of AND t.occurred_at <= a.as_of
), acts AS (
  SELECT row_id,
    count(*) FILTER (channel = 'chat' AND d30) AS chats_30d, count(*) FILTER (channel = 'chat' AND d60) AS chats_60d,
    count(*) FILTER (channel = 'chat' AND d90) AS chats_90d,
    count(*) FILTER (channel = 'call' AND d30) AS calls_30d, count(*) FILTER (channel = 'call' AND d90) AS calls_90d,
    count(*) FILTER (channel = 'email' AND d30) AS emails_30d, count(*) FILTER (channel = 'email' AND d90) AS emails_90d,
    count(*) FILTER (channel = 'meeting' AND d30) AS meetings_30d,
    count(*) FILTER (channel = 'meeting' AND d90) AS meetings_90d,
    count(*) FILTER (channel = 'site' AND d30) AS visits_30d, count(*) FILTER (channel = 'site' AND d90) AS visits_90d,
    count(*) FILTER (channel = 'download' AND d30) AS downloads_30d,
    count(*) FILTER (channel = 'download' AND d90) AS downloads_90d,
    count(*) FILTER (talk AND direction = 'in' AND d90) AS in_90d,
    count(*) FILTER (talk AND direction = 'out' AND d90) AS out_90d,
    max(occurred_at) FILTER (talk) AS talk_at, max(occurred_at) FILTER (channel = 'meeting') AS meeting_at,
    count(*) FILTER (risk AND d30) AS risk_30d, count(*) FILTER (risk AND d90) AS risk_90d,
    count(*) FILTER (risk AND place <= 3) AS risk_last3,
    count(*) FILTER (said AND budget AND d90) AS budget_90d, count(*) FILTER (said AND tender AND d90) AS tender_90d,
    count(*) FILTER (said AND switching AND d90) AS switching_90d, max(occurred_at) FILTER (risk) AS risk_at
  FROM near GROUP BY 1
), bought AS (
  SELECT a.row_id,
    count(*) FILTER (o.occurred_at > a.as_of - INTERVAL 7 DAY) AS n7,
    count(*) FILTER (o.occurred_at > a.as_of - INTERVAL 30 DAY) AS n30,
    count(*) FILTER (o.occurred_at > a.as_of - INTERVAL 60 DAY) AS n60,
    count(*) FILTER (o.occurred_at > a.as_of - INTERVAL 90 DAY) AS n90,
    count(*) FILTER (o.occurred_at > a.as_of - INTERVAL 180 DAY) AS n180,
    count(*) FILTER (o.occurred_at > a.as_of - INTERVAL 365 DAY) AS n365,
    count(*) AS n,
    sum(o.amount) FILTER (o.occurred_at > a.as_of - INTERVAL 7 DAY) AS m7,
    sum(o.amount) FILTER (o.occurred_at > a.as_of - INTERVAL 30 DAY) AS m30,
    sum(o.amount) FILTER (o.occurred_at > a.as_of - INTERVAL 60 DAY) AS m60,
    sum(o.amount) FILTER (o.occurred_at > a.as_of - INTERVAL 90 DAY) AS m90,
    sum(o.amount) FILTER (o.occurred_at > a.as_of - INTERVAL 180 DAY) AS m180,
    sum(o.amount) FILTER (o.occurred_at > a.as_of - INTERVAL 365 DAY) AS m365,
    sum(o.amount) AS m, avg(o.amount) AS m_mean, sum(o.freight) AS freight,
    min(o.occurred_at) AS first_at, max(o.occurred_at) AS last_at,
    count(DISTINCT date_trunc('day', o.occurred_at + INTERVAL 8 HOUR)) AS days,
    count(DISTINCT date_trunc('week', o.occurred_at + INTERVAL 8 HOUR))
      FILTER (o.occurred_at > a.as_of - INTERVAL 90 DAY) AS weeks_90d,
    count(DISTINCT o.product) FILTER (o.occurred_at > a.as_of - INTERVAL 90 DAY) AS products_90d,
    count(DISTINCT o.product) AS products
  FROM asked a JOIN orders o ON o.account_id = a.entity_id
    AND (o.known_until IS NULL OR o.known_until > a.as_of) AND o.recorded_at <= a.as_of AND o.occurred_at <= a.as_of
  GROUP BY 1
), buying AS (
  SELECT *, (epoch_us(last_at) - epoch_us(first_at)) / 8.64e10 / nullif(days - 1, 0)::DOUBLE AS every FROM bought
), ticket AS (
  SELECT a.row_id, a.as_of, t.event, t.occurred_at, t.response_h, t.satisfaction,
    CASE WHEN t.ticket_id IS NULL THEN FALSE
      ELSE bool_or(t.event = 'resolved') OVER (PARTITION BY a.row_id, t.ticket_id) END AS resolved
  FROM asked a
  JOIN ticket_events t ON t.account_id = a.entity_id
    AND (t.known_until IS NULL OR t.known_until > a.as_of) AND t.recorded_at <= a.as_of AND t.occurred_at <= a.as_of
), tickets AS (
  SELECT row_id,
    count(*) FILTER (event = 'opened' AND occurred_at > as_of - INTERVAL 30 DAY) AS n30,
    count(*) FILTER (event = 'opened' AND occurred_at > as_of - INTERVAL 90 DAY) AS n90,
    count(*) FILTER (event = 'opened' AND NOT resolved) AS open,
    avg(response_h) FILTER (event = 'answered' AND occurred_at > as_of - INTERVAL 90 DAY) AS response,
    avg(satisfaction) FILTER (event = 'rated' AND occurred_at > as_of - INTERVAL 180 DAY) AS rated,
    min(satisfaction) FILTER (event = 'rated' AND occurred_at > as_of - INTERVAL 180 DAY) AS rated_min,
    max(occurred_at) FILTER (event = 'opened') AS opened_at
  FROM ticket GROUP BY 1
), contract AS (
  SELECT a.row_id, a.as_of, c.event, c.amount, c.start_at, c.end_at,
    CASE WHEN c.contract_id IS NULL THEN FALSE
      ELSE bool_or(c.event IN ('renewed', 'lapsed')) OVER (PARTITION BY a.row_id, c.contract_id) END AS closed
  FROM asked a
  JOIN contract_events c ON c.account_id = a.entity_id
    AND (c.known_until IS NULL OR c.known_until > a.as_of) AND c.recorded_at <= a.as_of AND c.occurred_at <= a.as_of
), contracts AS (
  SELECT row_id,
    count(*) FILTER (event = 'signed' AND NOT closed AND end_at > as_of) AS live,
    sum(amount) FILTER (event = 'signed' AND NOT closed AND end_at > as_of) AS amount,
    min(end_at) FILTER (event = 'signed' AND NOT closed) AS ends_at,
    count(*) FILTER (event = 'renewed') AS renewals, count(*) FILTER (event = 'lapsed') AS lapses,
    min(start_at) FILTER (event = 'signed') AS began_at
  FROM contract GROUP BY 1
)
SELECT q.entity_id, q.as_of,
  s.industry AS account_industry, s.region AS account_region, s.tier AS account_tier,
  s.employees AS account_employees, s.annual_amount AS account_annual_amount,
  (epoch_us(q.as_of) - epoch_us(s.created_at)) / 8.64e10 AS account_age_days,
  coalesce(v.owners, 0)::DOUBLE AS account_owners_all,
  coalesce(c.chats_30d, 0)::DOUBLE AS account_chats_30d, coalesce(c.chats_90d, 0)::DOUBLE AS account_chats_90d,
  coalesce(c.calls_30d, 0)::DOUBLE AS account_calls_30d, coalesce(c.calls_90d, 0)::DOUBLE AS account_calls_90d,
  coalesce(c.emails_30d, 0)::DOUBLE AS account_emails_30d, coalesce(c.emails_90d, 0)::DOUBLE AS account_emails_90d,
  coalesce(c.meetings_30d, 0)::DOUBLE AS account_meetings_30d,
  coalesce(c.meetings_90d, 0)::DOUBLE AS account_meetings_90d,
  coalesce(c.visits_30d, 0)::DOUBLE AS account_visits_30d, coalesce(c.visits_90d, 0)::DOUBLE AS account_visits_90d,
  coalesce(c.downloads_30d, 0)::DOUBLE AS account_downloads_30d,
  coalesce(c.downloads_90d, 0)::DOUBLE AS account_downloads_90d,
  (coalesce(c.chats_30d, 0) * 2 - coalesce(c.chats_60d, 0))::DOUBLE AS account_chats_trend_30d,
  coalesce(c.in_90d, 0) / nullif(coalesce(c.out_90d, 0)::DOUBLE, 0) AS account_reply_ratio_90d,
  (epoch_us(q.as_of) - epoch_us(c.talk_at)) / 8.64e10 AS account_days_since_contact,
  (epoch_us(q.as_of) - epoch_us(c.meeting_at)) / 8.64e10 AS account_days_since_meeting,
  coalesce(b.n7, 0)::DOUBLE AS account_orders_7d, coalesce(b.m7, 0) AS account_amount_7d,
  coalesce(b.n30, 0)::DOUBLE AS account_orders_30d, coalesce(b.m30, 0) AS account_amount_30d,
  coalesce(b.n90, 0)::DOUBLE AS account_orders_90d, coalesce(b.m90, 0) AS account_amount_90d,
  coalesce(b.n180, 0)::DOUBLE AS account_orders_180d, coalesce(b.m180, 0) AS account_amount_180d,
  coalesce(b.n365, 0)::DOUBLE AS account_orders_365d, coalesce(b.m365, 0) AS account_amount_365d,
  coalesce(b.n, 0)::DOUBLE AS account_orders_all, coalesce(b.m, 0) AS account_amount_all,
  (epoch_us(q.as_of) - epoch_us(b.last_at)) / 8.64e10 AS account_days_since_order,
  (epoch_us(q.as_of) - epoch_us(b.first_at)) / 8.64e10 AS account_days_since_first_order,
  b.every AS account_order_interval_days,
  (epoch_us(q.as_of) - epoch_us(b.last_at)) / 8.64e10 / nullif(b.every, 0) AS account_order_recency_ratio,
  (coalesce(b.n30, 0) * 2 - coalesce(b.n60, 0))::DOUBLE AS account_orders_trend_30d,
  coalesce(b.m30, 0) * 2 - coalesce(b.m60, 0) AS account_amount_trend_30d,
  coalesce(b.days, 0)::DOUBLE AS account_order_days_all, coalesce(b.weeks_90d, 0)::DOUBLE AS account_order_weeks_90d,
  coalesce(b.products_90d, 0)::DOUBLE AS account_products_90d, coalesce(b.products, 0)::DOUBLE AS account_products_all,
  b.m_mean AS account_order_mean_all,
  coalesce(b.freight, 0) / nullif(coalesce(b.m, 0), 0) AS account_freight_share_all,
  coalesce(t.n30, 0)::DOUBLE AS account_tickets_30d, coalesce(t.n90, 0)::DOUBLE AS account_tickets_90d,
  coalesce(t.open, 0)::DOUBLE AS account_tickets_open, t.response AS account_first_response_mean_90d_h,
  t.rated AS account_satisfaction_mean_180d, t.rated_min AS account_satisfaction_min_180d,
  (epoch_us(q.as_of) - epoch_us(t.opened_at)) / 8.64e10 AS account_days_since_ticket,
  coalesce(c.risk_30d, 0)::DOUBLE AS account_risk_words_30d, coalesce(c.risk_90d, 0)::DOUBLE AS account_risk_words_90d,
  coalesce(c.risk_last3, 0)::DOUBLE AS account_risk_words_last3,
  coalesce(c.budget_90d, 0)::DOUBLE AS account_budget_words_90d,
  coalesce(c.tender_90d, 0)::DOUBLE AS account_tender_words_90d,
  coalesce(c.switching_90d, 0)::DOUBLE AS account_switch_words_90d,
  (epoch_us(q.as_of) - epoch_us(c.risk_at)) / 8.64e10 AS account_days_since_risk_word,
  coalesce(k.live, 0)::DOUBLE AS account_contracts_live, coalesce(k.amount, 0) AS account_contract_amount_live,
  (epoch_us(k.ends_at) - epoch_us(q.as_of)) / 8.64e10 AS account_days_to_expiry,
  coalesce(k.renewals, 0)::DOUBLE AS account_renewals_all, coalesce(k.lapses, 0)::DOUBLE AS account_lapses_all,
  (epoch_us(q.as_of) - epoch_us(k.began_at)) / 8.64e10 AS account_contract_tenure_days
FROM asked q
LEFT JOIN state s USING (row_id)
LEFT JOIN versions v USING (row_id)
LEFT JOIN acts c USING (row_id)
LEFT JOIN buying b USING (row_id)
LEFT JOIN tickets t USING (row_id)
LEFT JOIN contracts k USING (row_id)
ORDER BY q.row_id
