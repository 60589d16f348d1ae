"""What every network over time is: a generator that also knows what came before a frame."""

from keras import KerasTensor

from srgan_tf.models.generator import Generator


class ClipGenerator(Generator):
    """Base of the networks over time: frame by frame, with a state that they hand on.

    The state is one float32 tensor [B,H,W,state_channels] at the LR resolution, so that it is cut into tiles like the
    frame, stored like an image, and goes in and out of an export. What is HR lies in it as `pixel_unshuffle` makes it.
    A recurrent network keeps there what it made; a sliding one the frames that it still looks at.

    Called with images, as every Generator can be, it upscales each of them as the first frame of a scene.

    A subclass sets `state_channels` besides what Generator says, and has `initial_state` and `step`.

    Attributes:
        state_channels: of the state.
        delay: how many steps later than its frame an image comes out: a network that looks at the next frame has 1.
            After the last frame, that one is given `delay` times more.
        warm_up: how often a scene's first frame is given before its image counts, the last time included.
    """

    delay = 0
    warm_up = 1
    state_channels: int

    def initial_state(self, frames: KerasTensor) -> KerasTensor:
        """The state before a scene.

        Args:
            frames: its first frames, float32 [B,H,W,3], from B scenes.

        Returns:
            float32 [B,H,W,state_channels].
        """
        raise NotImplementedError

    def step(self, frames: KerasTensor, state: KerasTensor, training: bool = False) -> tuple[KerasTensor, KerasTensor]:
        """Takes the next frame of each scene.

        Args:
            frames: float32 [B,H,W,3] in 0..1.
            state: float32 [B,H,W,state_channels].
            training: as in calling a model.

        Returns:
            The images of the frames that were given `delay` steps before, float32 [B,sH,sW,3], not clipped; and the
            state for the next step.
        """
        raise NotImplementedError

    def unroll(self, frames: KerasTensor, training: bool = False) -> tuple[KerasTensor, list]:
        """All images of short clips at once, for training.

        Args:
            frames: float32 [B,T,H,W,3].
            training: as in calling a model.

        Returns:
            The images float32 [B,T - 2 delay,sH,sW,3] of the frames from `delay` on that have the frames that they
            need; and what was moved on the way, a list of (moved, target, flow) as losses.Motion has them.
        """
        raise NotImplementedError

    def call(self, inputs: KerasTensor, training: bool = False) -> KerasTensor:
        images, _ = self.step(inputs, self.initial_state(inputs), training)
        return images
