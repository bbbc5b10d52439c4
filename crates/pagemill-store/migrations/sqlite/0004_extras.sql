-- Links, notes, form fields and hidden text of a page, as JSON.
ALTER TABLE pages ADD COLUMN extras TEXT;
-- Number, caption and more of a figure or table, as JSON.
ALTER TABLE blocks ADD COLUMN about TEXT;
