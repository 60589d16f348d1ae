"""Models over the network, with the protocols of TensorFlow Serving.

    server:  versions.Model  <-  predict.predict  <-  admission  <-  rest (HTTP, the page) and rpc (gRPC)
    client:  runtimes/remote.py, which imports no TensorFlow

Nothing is imported here: the client must not pull in the server, nor REST gRPC.
"""
