"""From records to tables: collection, merging, planning and export."""
