"""The door for the network: a saved classifier behind HTTP, with a page of its own.

In: a bundle folder, requests. Out: predictions as JSON, the same as through every other door.
`server` (uvicorn) and `app` (Starlette) are the two doorkeepers; the rest knows neither.
"""
