-- Forgets the basket of :game: its pairs are counted back, and it is gone, in one transaction beside the stream.
BEGIN;
UPDATE together t SET n = t.n - 1 FROM basket a JOIN basket b ON b.game = a.game
  WHERE a.game = :'game' AND t.library = a.library AND t.other = b.library;
UPDATE seen s SET n = s.n - 1 FROM basket b WHERE b.game = :'game' AND s.library = b.library;
DELETE FROM together WHERE n = 0;
DELETE FROM seen WHERE n = 0;
DELETE FROM basket WHERE game = :'game';
COMMIT;
