-- A correction: flight :flight of :carrier arrived :delay minutes late, whatever was said before (:delay may be NULL:
-- it was cancelled). The row and both statistics change together; the stream writes the same rows all the while.
BEGIN ISOLATION LEVEL SERIALIZABLE;
UPDATE carrier_delay c SET
  cancelled = c.cancelled - CASE WHEN f.arr_delay IS NULL THEN 1 ELSE 0 END
                          + CASE WHEN :delay IS NULL THEN 1 ELSE 0 END,
  late      = c.late - CASE WHEN f.arr_delay > 15 THEN 1 ELSE 0 END + CASE WHEN :delay > 15 THEN 1 ELSE 0 END,
  minutes   = c.minutes - coalesce(f.arr_delay, 0) + coalesce(:delay, 0)
  FROM flight f
  WHERE f.departure = :'departure' AND f.carrier = :'carrier' AND f.flight = :flight AND f.origin = :'origin'
    AND c.carrier = f.carrier;
UPDATE airport_delay a SET
  cancelled = a.cancelled - CASE WHEN f.arr_delay IS NULL THEN 1 ELSE 0 END
                          + CASE WHEN :delay IS NULL THEN 1 ELSE 0 END,
  late      = a.late - CASE WHEN f.arr_delay > 15 THEN 1 ELSE 0 END + CASE WHEN :delay > 15 THEN 1 ELSE 0 END,
  minutes   = a.minutes - coalesce(f.arr_delay, 0) + coalesce(:delay, 0)
  FROM flight f
  WHERE f.departure = :'departure' AND f.carrier = :'carrier' AND f.flight = :flight AND f.origin = :'origin'
    AND a.airport = f.origin AND a.day = f.departure::date;
UPDATE flight SET arr_delay = :delay
  WHERE departure = :'departure' AND carrier = :'carrier' AND flight = :flight AND origin = :'origin';
COMMIT;
