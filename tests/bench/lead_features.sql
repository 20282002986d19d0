-- Every lead feature, written by hand for DuckDB: the yardstick for what the catalog compiles to.
WITH state AS (
  SELECT a.row_id, s.*
  FROM asked a JOIN lead_states s ON s.lead_id = a.entity_id AND s.recorded_at <= a.as_of
  QUALIFY row_number() OVER (PARTITION BY a.row_id ORDER BY s.occurred_at DESC, s.version DESC, s.record_id DESC) = 1
), versions AS (
  SELECT a.row_id, count(*) AS n, count(DISTINCT s.owner_id) AS owners
  FROM asked a JOIN lead_states s ON s.lead_id = a.entity_id AND s.recorded_at <= a.as_of
  GROUP BY 1
), act AS (
  SELECT *,
    channel = 'site' AND duration_s >= 180 AS long_visit,
    CASE WHEN channel = 'search' THEN
      contains(text, '竞品') OR contains(text, '竞争对手') OR contains(text, '对比') OR contains(text, '替代') OR contains(text, '比较') OR contains(text, '哪家好')
      OR contains(text, '其他品牌') OR contains(text, '其他厂家') OR contains(text, 'competitor')
      OR contains(text, 'alternative') END AS competitor,
    channel IN ('chat', 'call', 'email', 'meeting') AND direction = 'out' AS touch,
    channel IN ('chat', 'call', 'email', 'meeting') AND direction = 'in' AS reply,
    channel IN ('chat', 'call', 'email', 'meeting', 'site', 'download', 'search') AS interaction
  FROM activities WHERE lead_id IS NOT NULL
), near AS (
  SELECT a.row_id, c.channel, c.occurred_at, c.duration_s, c.long_visit, c.competitor, c.touch, c.reply, c.interaction,
    c.occurred_at > a.as_of - INTERVAL 7 DAY AS d7,
    c.occurred_at > a.as_of - INTERVAL 30 DAY AS d30,
    c.occurred_at > a.as_of - INTERVAL 90 DAY AS d90
  FROM asked a JOIN act c ON c.lead_id = a.entity_id
    AND (c.known_until IS NULL OR c.known_until > a.as_of) AND c.recorded_at <= a.as_of AND c.occurred_at <= a.as_of
), acts AS (
  SELECT row_id,
    count(*) FILTER (channel = 'chat' AND d7) AS chats_7d,
    count(*) FILTER (channel = 'chat' AND d30) AS chats_30d,
    count(*) FILTER (channel = 'chat' AND d90) AS chats_90d,
    count(*) FILTER (channel = 'call' AND d7) AS calls_7d,
    count(*) FILTER (channel = 'call' AND d30) AS calls_30d,
    count(*) FILTER (channel = 'call' AND d90) AS calls_90d,
    count(*) FILTER (channel = 'email' AND d7) AS emails_7d,
    count(*) FILTER (channel = 'email' AND d30) AS emails_30d,
    count(*) FILTER (channel = 'email' AND d90) AS emails_90d,
    count(*) FILTER (channel = 'meeting' AND d7) AS meetings_7d,
    count(*) FILTER (channel = 'meeting' AND d30) AS meetings_30d,
    count(*) FILTER (channel = 'meeting' AND d90) AS meetings_90d,
    count(*) FILTER (channel = 'site' AND d7) AS visits_7d,
    count(*) FILTER (channel = 'site' AND d30) AS visits_30d,
    count(*) FILTER (channel = 'site' AND d90) AS visits_90d,
    count(*) FILTER (channel = 'download' AND d7) AS downloads_7d,
    count(*) FILTER (channel = 'download' AND d30) AS downloads_30d,
    count(*) FILTER (channel = 'download' AND d90) AS downloads_90d,
    count(*) FILTER (channel = 'search' AND d7) AS searches_7d,
    count(*) FILTER (channel = 'search' AND d30) AS searches_30d,
    count(*) FILTER (channel = 'search' AND d90) AS searches_90d,
    max(occurred_at) FILTER (channel = 'chat') AS chat_at,
    max(occurred_at) FILTER (channel = 'call') AS call_at,
    max(occurred_at) FILTER (channel = 'email') AS email_at,
    max(occurred_at) FILTER (channel = 'meeting') AS meeting_at,
    max(occurred_at) FILTER (channel = 'site') AS visit_at,
    max(occurred_at) FILTER (channel = 'download') AS download_at,
    max(occurred_at) FILTER (channel = 'search') AS search_at,
    count(*) FILTER (long_visit AND d30) AS long_visits_30d,
    count(*) FILTER (competitor AND d30) AS competitor_searches_30d,
    count(*) FILTER (channel = 'chat') AS chats_all,
    count(*) FILTER (channel = 'download') AS downloads_all,
    count(*) FILTER (long_visit) AS long_visits_all,
    count(*) FILTER (interaction AND d7) AS interactions_7d,
    max(duration_s) FILTER (channel = 'site' AND d30) AS dwell_max_30d_s,
    max(occurred_at) FILTER (interaction) AS interaction_at,
    min(occurred_at) FILTER (channel = 'view') AS view_at,
    min(occurred_at) FILTER (touch) AS first_touch_at,
    count(*) FILTER (channel = 'assign') AS assignments_all,
    max(occurred_at) FILTER (channel = 'assign') AS assign_at,
    count(*) FILTER (touch AND d7) AS touches_7d,
    count(*) FILTER (touch AND d30) AS touches_30d,
    count(*) FILTER (touch AND d90) AS touches_90d,
    count(*) FILTER (reply AND d30) AS replies_30d,
    count(*) FILTER (reply AND d90) AS replies_90d,
    max(occurred_at) FILTER (touch) AS touch_at,
    max(occurred_at) FILTER (reply) AS reply_at
  FROM near GROUP BY 1
), place AS (
  SELECT a.row_id, a.entity_id, a.as_of, s.campaign, s.channel FROM asked a LEFT JOIN state s USING (row_id)
), of_campaign AS (
  SELECT k.campaign, k.as_of,
    count(*) FILTER (f.event = 'arrived' AND f.occurred_at > k.as_of - INTERVAL 30 DAY) AS a30,
    count(*) FILTER (f.event = 'arrived' AND f.occurred_at > k.as_of - INTERVAL 90 DAY) AS a90,
    count(*) FILTER (f.event = 'won' AND f.occurred_at > k.as_of - INTERVAL 30 DAY) AS w30,
    count(*) FILTER (f.event = 'won' AND f.occurred_at > k.as_of - INTERVAL 90 DAY) AS w90,
    count(*) FILTER (f.event = 'arrived') AS arrived, count(*) FILTER (f.event = 'won') AS won,
    sum(f.days_to_win) FILTER (f.event = 'won') AS took, count(f.days_to_win) FILTER (f.event = 'won') AS timed,
    min(f.occurred_at) FILTER (f.event = 'arrived') AS first_at
  FROM (SELECT DISTINCT campaign, as_of FROM place) k
  JOIN lead_flow f ON f.campaign = k.campaign AND f.recorded_at <= k.as_of AND f.occurred_at <= k.as_of
  GROUP BY ALL
), of_channel AS (
  SELECT k.channel, k.as_of,
    count(*) FILTER (f.event = 'arrived' AND f.occurred_at > k.as_of - INTERVAL 30 DAY) AS a30,
    count(*) FILTER (f.event = 'arrived' AND f.occurred_at > k.as_of - INTERVAL 90 DAY) AS a90,
    count(*) FILTER (f.event = 'won' AND f.occurred_at > k.as_of - INTERVAL 30 DAY) AS w30,
    count(*) FILTER (f.event = 'won' AND f.occurred_at > k.as_of - INTERVAL 90 DAY) AS w90,
    count(*) FILTER (f.event = 'arrived') AS arrived, count(*) FILTER (f.event = 'won') AS won,
    sum(f.days_to_win) FILTER (f.event = 'won') AS took, count(f.days_to_win) FILTER (f.event = 'won') AS timed
  FROM (SELECT DISTINCT channel, as_of FROM place) k
  JOIN lead_flow f ON f.channel = k.channel AND f.recorded_at <= k.as_of AND f.occurred_at <= k.as_of
  GROUP BY ALL
), of_market AS (
  SELECT k.as_of,
    count(*) FILTER (f.event = 'arrived' AND f.occurred_at > k.as_of - INTERVAL 30 DAY) AS a30,
    count(*) FILTER (f.event = 'arrived' AND f.occurred_at > k.as_of - INTERVAL 90 DAY) AS a90,
    count(*) FILTER (f.event = 'won' AND f.occurred_at > k.as_of - INTERVAL 30 DAY) AS w30,
    count(*) FILTER (f.event = 'won' AND f.occurred_at > k.as_of - INTERVAL 60 DAY) AS w60,
    count(*) FILTER (f.event = 'won' AND f.occurred_at > k.as_of - INTERVAL 90 DAY) AS w90,
    count(*) FILTER (f.event = 'arrived') AS arrived, count(*) FILTER (f.event = 'won') AS won,
    sum(f.days_to_win) FILTER (f.event = 'won') AS took, count(f.days_to_win) FILTER (f.event = 'won') AS timed
  FROM (SELECT DISTINCT as_of FROM asked) k
  JOIN lead_flow f ON f.recorded_at <= k.as_of AND f.occurred_at <= k.as_of
  GROUP BY ALL
), mine AS (
  SELECT p.row_id, f.event, f.days_to_win,
    f.campaign = p.campaign AS c, f.channel = p.channel AS h,
    f.occurred_at > p.as_of - INTERVAL 30 DAY AS d30,
    f.occurred_at > p.as_of - INTERVAL 60 DAY AS d60,
    f.occurred_at > p.as_of - INTERVAL 90 DAY AS d90
  FROM place p JOIN lead_flow f ON f.lead_id = p.entity_id AND f.recorded_at <= p.as_of AND f.occurred_at <= p.as_of
), own AS (
  SELECT row_id,
    count(*) FILTER (event = 'arrived' AND c AND d30) AS ca30, count(*) FILTER (event = 'arrived' AND c AND d90) AS ca90,
    count(*) FILTER (event = 'won' AND c AND d30) AS cw30, count(*) FILTER (event = 'won' AND c AND d90) AS cw90,
    count(*) FILTER (event = 'arrived' AND c) AS ca, count(*) FILTER (event = 'won' AND c) AS cw,
    coalesce(sum(days_to_win) FILTER (event = 'won' AND c), 0) AS ct,
    count(days_to_win) FILTER (event = 'won' AND c) AS cn,
    count(*) FILTER (event = 'arrived' AND h AND d30) AS ha30, count(*) FILTER (event = 'arrived' AND h AND d90) AS ha90,
    count(*) FILTER (event = 'won' AND h AND d30) AS hw30, count(*) FILTER (event = 'won' AND h AND d90) AS hw90,
    count(*) FILTER (event = 'arrived' AND h) AS ha, count(*) FILTER (event = 'won' AND h) AS hw,
    coalesce(sum(days_to_win) FILTER (event = 'won' AND h), 0) AS ht,
    count(days_to_win) FILTER (event = 'won' AND h) AS hn,
    count(*) FILTER (event = 'arrived' AND d30) AS ma30, count(*) FILTER (event = 'arrived' AND d90) AS ma90,
    count(*) FILTER (event = 'won' AND d30) AS mw30, count(*) FILTER (event = 'won' AND d60) AS mw60,
    count(*) FILTER (event = 'won' AND d90) AS mw90,
    count(*) FILTER (event = 'arrived') AS ma, count(*) FILTER (event = 'won') AS mw,
    coalesce(sum(days_to_win) FILTER (event = 'won'), 0) AS mt, count(days_to_win) FILTER (event = 'won') AS mn
  FROM mine GROUP BY 1
), flow AS (
  SELECT p.row_id,
    coalesce(c.a30, 0) - coalesce(o.ca30, 0) AS ca30, coalesce(c.a90, 0) - coalesce(o.ca90, 0) AS ca90,
    coalesce(c.w30, 0) - coalesce(o.cw30, 0) AS cw30, coalesce(c.w90, 0) - coalesce(o.cw90, 0) AS cw90,
    coalesce(c.arrived, 0) - coalesce(o.ca, 0) AS ca, coalesce(c.won, 0) - coalesce(o.cw, 0) AS cw,
    (c.took - coalesce(o.ct, 0)) / nullif(c.timed - coalesce(o.cn, 0), 0) AS ct, c.first_at,
    coalesce(h.a30, 0) - coalesce(o.ha30, 0) AS ha30, coalesce(h.a90, 0) - coalesce(o.ha90, 0) AS ha90,
    coalesce(h.w30, 0) - coalesce(o.hw30, 0) AS hw30, coalesce(h.w90, 0) - coalesce(o.hw90, 0) AS hw90,
    coalesce(h.arrived, 0) - coalesce(o.ha, 0) AS ha, coalesce(h.won, 0) - coalesce(o.hw, 0) AS hw,
    (h.took - coalesce(o.ht, 0)) / nullif(h.timed - coalesce(o.hn, 0), 0) AS ht,
    coalesce(m.a30, 0) - coalesce(o.ma30, 0) AS ma30, coalesce(m.a90, 0) - coalesce(o.ma90, 0) AS ma90,
    coalesce(m.w30, 0) - coalesce(o.mw30, 0) AS mw30, coalesce(m.w60, 0) - coalesce(o.mw60, 0) AS mw60,
    coalesce(m.w90, 0) - coalesce(o.mw90, 0) AS mw90,
    coalesce(m.arrived, 0) - coalesce(o.ma, 0) AS ma, coalesce(m.won, 0) - coalesce(o.mw, 0) AS mw,
    (m.took - coalesce(o.mt, 0)) / nullif(m.timed - coalesce(o.mn, 0), 0) AS mt
  FROM place p
  LEFT JOIN of_campaign c ON c.campaign = p.campaign AND c.as_of = p.as_of
  LEFT JOIN of_channel h ON h.channel = p.channel AND h.as_of = p.as_of
  LEFT JOIN of_market m ON m.as_of = p.as_of
  LEFT JOIN own o USING (row_id)
)
SELECT q.entity_id, q.as_of,
  s.status AS lead_status, s.channel AS lead_channel, s.campaign AS lead_campaign, s.industry AS lead_industry,
  s.region AS lead_region, s.city AS lead_city, s.need AS lead_need, s.title AS lead_title,
  s.account_id AS lead_account,
  s.has_company AS lead_has_company, s.has_phone AS lead_has_phone, s.has_contact_name AS lead_has_contact_name,
  s.expected_volume AS lead_expected_volume,
  coalesce(v.n, 0)::DOUBLE AS lead_updates_all,
  (epoch_us(q.as_of) - epoch_us(s.created_at)) / 3.6e9 AS lead_age_h,
  CASE WHEN s.created_at IS NOT NULL THEN isodow(q.as_of + INTERVAL 8 HOUR)::DOUBLE END AS lead_weekday,
  CASE WHEN s.created_at IS NOT NULL THEN month(q.as_of + INTERVAL 8 HOUR)::DOUBLE END AS lead_month,
  coalesce(c.chats_7d, 0)::DOUBLE AS lead_chats_7d, coalesce(c.chats_30d, 0)::DOUBLE AS lead_chats_30d,
  coalesce(c.chats_90d, 0)::DOUBLE AS lead_chats_90d, coalesce(c.calls_7d, 0)::DOUBLE AS lead_calls_7d,
  coalesce(c.calls_30d, 0)::DOUBLE AS lead_calls_30d, coalesce(c.calls_90d, 0)::DOUBLE AS lead_calls_90d,
  coalesce(c.emails_7d, 0)::DOUBLE AS lead_emails_7d, coalesce(c.emails_30d, 0)::DOUBLE AS lead_emails_30d,
  coalesce(c.emails_90d, 0)::DOUBLE AS lead_emails_90d, coalesce(c.meetings_7d, 0)::DOUBLE AS lead_meetings_7d,
  coalesce(c.meetings_30d, 0)::DOUBLE AS lead_meetings_30d, coalesce(c.meetings_90d, 0)::DOUBLE AS lead_meetings_90d,
  coalesce(c.visits_7d, 0)::DOUBLE AS lead_visits_7d, coalesce(c.visits_30d, 0)::DOUBLE AS lead_visits_30d,
  coalesce(c.visits_90d, 0)::DOUBLE AS lead_visits_90d, coalesce(c.downloads_7d, 0)::DOUBLE AS lead_downloads_7d,
  coalesce(c.downloads_30d, 0)::DOUBLE AS lead_downloads_30d,
  coalesce(c.downloads_90d, 0)::DOUBLE AS lead_downloads_90d, coalesce(c.searches_7d, 0)::DOUBLE AS lead_searches_7d,
  coalesce(c.searches_30d, 0)::DOUBLE AS lead_searches_30d, coalesce(c.searches_90d, 0)::DOUBLE AS lead_searches_90d,
  (epoch_us(q.as_of) - epoch_us(c.chat_at)) / 8.64e10 AS lead_days_since_chat,
  (epoch_us(q.as_of) - epoch_us(c.call_at)) / 8.64e10 AS lead_days_since_call,
  (epoch_us(q.as_of) - epoch_us(c.email_at)) / 8.64e10 AS lead_days_since_email,
  (epoch_us(q.as_of) - epoch_us(c.meeting_at)) / 8.64e10 AS lead_days_since_meeting,
  (epoch_us(q.as_of) - epoch_us(c.visit_at)) / 8.64e10 AS lead_days_since_visit,
  (epoch_us(q.as_of) - epoch_us(c.download_at)) / 8.64e10 AS lead_days_since_download,
  (epoch_us(q.as_of) - epoch_us(c.search_at)) / 8.64e10 AS lead_days_since_search,
  coalesce(c.long_visits_30d, 0)::DOUBLE AS lead_long_visits_30d,
  coalesce(c.competitor_searches_30d, 0)::DOUBLE AS lead_competitor_searches_30d,
  coalesce(c.chats_all, 0)::DOUBLE AS lead_chats_all, coalesce(c.downloads_all, 0)::DOUBLE AS lead_downloads_all,
  coalesce(c.long_visits_all, 0)::DOUBLE AS lead_long_visits_all,
  coalesce(c.interactions_7d, 0)::DOUBLE AS lead_interactions_7d,
  c.dwell_max_30d_s AS lead_dwell_max_30d_s,
  (epoch_us(q.as_of) - epoch_us(c.interaction_at)) / 3.6e9 AS lead_last_interaction_h,
  (epoch_us(c.view_at) - epoch_us(s.created_at)) / 3.6e9 AS lead_first_view_h,
  (epoch_us(c.first_touch_at) - epoch_us(s.created_at)) / 3.6e9 AS lead_first_touch_h,
  coalesce(c.assignments_all, 0)::DOUBLE AS lead_assignments_all,
  coalesce(v.owners, 0)::DOUBLE AS lead_owners_all,
  (epoch_us(q.as_of) - epoch_us(c.assign_at)) / 3.6e9 AS lead_owner_h,
  coalesce(c.touches_7d, 0)::DOUBLE AS lead_touches_7d, coalesce(c.touches_30d, 0)::DOUBLE AS lead_touches_30d,
  coalesce(c.replies_30d, 0)::DOUBLE AS lead_replies_30d,
  (epoch_us(q.as_of) - epoch_us(c.touch_at)) / 3.6e9 AS lead_last_touch_h,
  (epoch_us(q.as_of) - epoch_us(c.reply_at)) / 3.6e9 AS lead_last_reply_h,
  coalesce(c.replies_90d, 0) / nullif(coalesce(c.touches_90d, 0)::DOUBLE, 0) AS lead_reply_ratio_90d,
  f.ca30::DOUBLE AS lead_campaign_arrivals_30d, f.ca90::DOUBLE AS lead_campaign_arrivals_90d,
  f.cw30::DOUBLE AS lead_campaign_wins_30d, f.cw90::DOUBLE AS lead_campaign_wins_90d,
  f.ct AS lead_campaign_days_to_win,
  f.ha30::DOUBLE AS lead_channel_arrivals_30d, f.ha90::DOUBLE AS lead_channel_arrivals_90d,
  f.hw30::DOUBLE AS lead_channel_wins_30d, f.hw90::DOUBLE AS lead_channel_wins_90d,
  f.ht AS lead_channel_days_to_win,
  f.ma30::DOUBLE AS lead_market_arrivals_30d, f.ma90::DOUBLE AS lead_market_arrivals_90d,
  f.mw30::DOUBLE AS lead_market_wins_30d, f.mw60::DOUBLE AS lead_market_wins_60d,
  f.mw90::DOUBLE AS lead_market_wins_90d,
  f.mt AS lead_market_days_to_win,
  (f.cw + 20 * f.mw / nullif(f.ma::DOUBLE, 0)) / (f.ca + 20) AS lead_campaign_win_rate,
  (f.cw + 20 * f.mw / nullif(f.ma::DOUBLE, 0)) / (f.ca + 20) / nullif(f.mw / nullif(f.ma::DOUBLE, 0), 0)
    AS lead_campaign_win_lift,
  (f.cw90 + 20 * f.mw90 / nullif(f.ma90::DOUBLE, 0)) / (f.ca90 + 20) / nullif(f.mw90 / nullif(f.ma90::DOUBLE, 0), 0)
    AS lead_campaign_win_lift_90d,
  (f.hw + 20 * f.mw / nullif(f.ma::DOUBLE, 0)) / (f.ha + 20) AS lead_channel_win_rate,
  (f.hw + 20 * f.mw / nullif(f.ma::DOUBLE, 0)) / (f.ha + 20) / nullif(f.mw / nullif(f.ma::DOUBLE, 0), 0)
    AS lead_channel_win_lift,
  (f.hw90 + 20 * f.mw90 / nullif(f.ma90::DOUBLE, 0)) / (f.ha90 + 20) / nullif(f.mw90 / nullif(f.ma90::DOUBLE, 0), 0)
    AS lead_channel_win_lift_90d,
  f.ca30 / nullif(f.ma30::DOUBLE, 0) AS lead_campaign_share_30d,
  (epoch_us(q.as_of) - epoch_us(f.first_at)) / 8.64e10 AS lead_campaign_age_days,
  f.mw / nullif(f.ma::DOUBLE, 0) AS lead_market_win_rate
FROM asked q
LEFT JOIN state s USING (row_id)
LEFT JOIN versions v USING (row_id)
LEFT JOIN acts c USING (row_id)
LEFT JOIN flow f USING (row_id)
ORDER BY q.row_id
