-- Flight delays, kept while the flights come in.

-- The stream: departures from New York as a file that grows. Cancelled flights have no delays (NA).
CREATE SOURCE departures (departure timestamp, carrier text, flight int, origin text, dest text, dep_delay int,
                          arr_delay int)
  WITH (connector = 'file', path = 'departures.csv', header = 'match', null = 'NA', follow = 'true', interval = '20ms');

-- The state: each flight once; the delays by carrier and by airport and day; the newest departure that was seen.
CREATE TABLE flight (
  departure timestamp,
  carrier   text,
  flight    int,
  origin    text,
  dest      text NOT NULL,
  dep_delay int,
  arr_delay int,
  PRIMARY KEY (departure, carrier, flight, origin)
);
CREATE TABLE carrier_delay (
  carrier   text PRIMARY KEY,
  flights   bigint NOT NULL,
  cancelled bigint NOT NULL,
  late      bigint NOT NULL, -- by more than 15 minutes
  minutes   bigint NOT NULL  -- of all that arrived; early ones count below zero
);
CREATE TABLE airport_delay (
  airport   text,
  day       date,
  flights   bigint NOT NULL,
  cancelled bigint NOT NULL,
  late      bigint NOT NULL,
  minutes   bigint NOT NULL,
  PRIMARY KEY (airport, day)
);
CREATE TABLE newest (id int PRIMARY KEY, departure timestamp NOT NULL);
-- Rows that came when the stream was more than an hour further already.
CREATE TABLE late_row (departure timestamp, carrier text, flight int, behind interval);

-- The workflow: its statements run for each row, and all of their effects appear together, or none. A row that comes
-- twice breaks the key of flight: it is undone as a whole, and told in quern.source_errors.
CREATE WORKFLOW delays AS (
  INSERT INTO flight SELECT departure, carrier, flight, origin, dest, dep_delay, arr_delay FROM departures;
  INSERT INTO late_row
    SELECT d.departure, d.carrier, d.flight, n.departure - d.departure
    FROM departures d CROSS JOIN newest n WHERE d.departure < n.departure - interval '1 hour';
  INSERT INTO newest SELECT 1, departure FROM departures
    ON CONFLICT (id) DO UPDATE SET departure = greatest(newest.departure, excluded.departure);
  INSERT INTO carrier_delay
    SELECT carrier, 1, CASE WHEN arr_delay IS NULL THEN 1 ELSE 0 END, CASE WHEN arr_delay > 15 THEN 1 ELSE 0 END,
           coalesce(arr_delay, 0)
    FROM departures
    ON CONFLICT (carrier) DO UPDATE SET
      flights   = carrier_delay.flights + 1,
      cancelled = carrier_delay.cancelled + excluded.cancelled,
      late      = carrier_delay.late + excluded.late,
      minutes   = carrier_delay.minutes + excluded.minutes;
  INSERT INTO airport_delay
    SELECT origin, departure::date, 1, CASE WHEN arr_delay IS NULL THEN 1 ELSE 0 END,
           CASE WHEN arr_delay > 15 THEN 1 ELSE 0 END, coalesce(arr_delay, 0)
    FROM departures
    ON CONFLICT (airport, day) DO UPDATE SET
      flights   = airport_delay.flights + 1,
      cancelled = airport_delay.cancelled + excluded.cancelled,
      late      = airport_delay.late + excluded.late,
      minutes   = airport_delay.minutes + excluded.minutes
);
