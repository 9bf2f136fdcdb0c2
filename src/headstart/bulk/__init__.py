"""Bulk prediction: folders, lists, tables and URLs in; one Parquet file, or a folder of them, out.

A job is planned once and cut into shards. A shard is done when its file stands there whole; the job
is done when every row of the plan stands in a file, which `_SUCCESS.json` says. So it does not
matter who works on a shard, how often, or what was killed meanwhile.
"""
