-- An anomaly monitor: what is unusual on this machine?

-- The stream: this machine's own measurements, five times a second.
CREATE SOURCE machine (at timestamptz, metric text, value double precision)
  WITH (connector = 'proc', interval = '200ms');

-- The state: for every metric how often it was seen, its mean, and the sum of squared distances from the mean.
CREATE TABLE stats (
  metric text PRIMARY KEY,
  n      bigint NOT NULL,
  mean   double precision NOT NULL,
  m2     double precision NOT NULL,
  value  double precision NOT NULL,
  at     timestamptz NOT NULL
);

-- How many standard deviations from the mean are worth an alert. Anybody may change it, at any time.
CREATE TABLE threshold (name text PRIMARY KEY, deviations double precision NOT NULL CHECK (deviations > 0));
INSERT INTO threshold VALUES ('all', 3);

CREATE TABLE alerts (at timestamptz, metric text, value double precision, mean double precision, deviations double precision);
CREATE INDEX alerts_at ON alerts (at DESC);

-- The workflow: its statements run for each row of the stream, and all of their effects appear together.
-- Mean and variance are kept by Welford's method (Knuth, volume 2, 4.2.2).
CREATE WORKFLOW monitor AS (
  INSERT INTO alerts
    SELECT m.at, m.metric, m.value, s.mean, abs(m.value - s.mean) / sqrt(s.m2 / s.n)
    FROM machine m JOIN stats s ON s.metric = m.metric CROSS JOIN threshold t
    WHERE t.name = 'all' AND s.n >= 10 AND s.m2 > 0 AND abs(m.value - s.mean) > t.deviations * sqrt(s.m2 / s.n);
  INSERT INTO stats
    SELECT metric, 1, value, 0, value, at FROM machine
    ON CONFLICT (metric) DO UPDATE SET
      n     = stats.n + 1,
      mean  = stats.mean + (excluded.value - stats.mean) / (stats.n + 1),
      m2    = stats.m2 + (excluded.value - stats.mean)
                       * (excluded.value - (stats.mean + (excluded.value - stats.mean) / (stats.n + 1))),
      value = excluded.value,
      at    = excluded.at
);
