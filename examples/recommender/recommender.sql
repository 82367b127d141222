-- A recommender: what is used together?

-- The stream: an item of a basket. Here a basket is a game, and its items are the libraries that it needs.
CREATE SOURCE needs (game text, library text) WITH (connector = 'push');

-- The state: the baskets, how often each library was seen, and how often each two of them were seen together.
CREATE TABLE basket (game text, library text, PRIMARY KEY (game, library));
CREATE TABLE seen (library text PRIMARY KEY, n bigint NOT NULL);
CREATE TABLE together (
  library text,
  other   text,
  n       bigint NOT NULL,
  PRIMARY KEY (library, other)
);
-- The best companions of a library stand side by side in it: the first five are five steps.
CREATE INDEX best ON together (library, n DESC, other);

-- The workflow: an item goes to its basket, and makes a pair, both ways, with each one that is there already. An item
-- that is there breaks the key of basket: nothing of it is counted, and who sent it is told.
CREATE WORKFLOW learn AS (
  INSERT INTO basket SELECT game, library FROM needs;
  INSERT INTO seen SELECT library, 1 FROM needs ON CONFLICT (library) DO UPDATE SET n = seen.n + 1;
  INSERT INTO together
    SELECT i.library, b.library, 1 FROM needs i JOIN basket b ON b.game = i.game WHERE b.library <> i.library
    ON CONFLICT (library, other) DO UPDATE SET n = together.n + 1;
  INSERT INTO together
    SELECT b.library, i.library, 1 FROM needs i JOIN basket b ON b.game = i.game WHERE b.library <> i.library
    ON CONFLICT (library, other) DO UPDATE SET n = together.n + 1
);
