"""The workbench: what a sales manager opens at 8:30. NiceGUI pages, in a process of their own.

``app`` is the way in. Pages only show: what they show is read by ``reading``, said by ``translations`` and
``formats``, and nobody gets past ``gate`` and ``sockets`` without a session.
"""
